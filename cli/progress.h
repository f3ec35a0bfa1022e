#pragma once
// How far a study is, on stderr: one line that is written over on a terminal, a plain line now and
// then elsewhere.

#include <chrono>
#include <string>

#include "attune/tune/study.h"

namespace attune::cli {

class ProgressLine {
 public:
  explicit ProgressLine(bool quiet);

  // `earlier` trials, which the study had before, are counted too.
  void show(const tune::Progress& progress, int64_t earlier = 0);
  void end();  // leaves the last state on a line of its own

 private:
  using Clock = std::chrono::steady_clock;
  bool quiet_, terminal_;
  std::string last_;  // what a terminal shows
  Clock::time_point shown_ = {};
};

// "12 of 50 trials, best 0.9812, 14.2 a second, 2.7 s to go"
std::string progress_text(const tune::Progress& progress, int64_t earlier = 0);

}  // namespace attune::cli
