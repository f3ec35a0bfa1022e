#pragma once
// One run of a program for a trial: its output is kept and read, its limits are watched.

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attune/tune/program/internal/child_process.h"
#include "attune/tune/program/program_output.h"

namespace attune::tune::internal {

class ProgramRun {
 public:
  using Clock = std::chrono::steady_clock;
  struct Limits {
    std::optional<Clock::time_point> deadline = {};
    double timeout = 0;  // seconds, for the message
    int64_t memory = 0;  // bytes; 0: none
    std::chrono::duration<double> grace = {};
  };

  // Starts it; what it prints is added to the file. IoError: that cannot be written.
  ProgramRun(const ProcessGuard& guard, const std::vector<std::string>& words,
             const ChildProcess::Environment& environment, const std::string& file,
             size_t objectives);
  ~ProgramRun();
  ProgramRun(const ProgramRun&) = delete;
  ProgramRun& operator=(const ProgramRun&) = delete;

  // Until it ends, or is ended: then how. Its reports go to the trial, if there is one.
  std::optional<Outcome> run(const Limits& limits, Trial* reports_to);
  // What it said on its last line.
  const ProgramEnd& end() const { return end_; }

 private:
  void keep(std::string_view text) const;
  // Reads and keeps what the program has written.
  ChildProcess::Text take(std::chrono::milliseconds longest);
  // The whole lines of it; true: the trial is to end here.
  bool read_lines(Trial* reports_to);
  bool read_line(std::string_view line, Trial* reports_to);
  void terminate(std::chrono::duration<double> grace);

  std::string path_;
  size_t objectives_;
  int file_ = -1;
  std::optional<ChildProcess> child_;
  std::string pending_, last_;  // of stdout: what has no end yet, and the last line
  std::string errors_;          // the end of stderr
  ProgramEnd end_;
};

}  // namespace attune::tune::internal
