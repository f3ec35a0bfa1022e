#pragma once
// How far a study is, on stderr: one line that is written over on a terminal, a plain line now and
// then elsewhere, or where --plain asks for it. There are no colours.

#include <chrono>
#include <string>

#include "attune/tune/study.h"

namespace attune::cli {

class ProgressLine {
 public:
  explicit ProgressLine(bool quiet, bool plain = false);

  // `earlier` trials, which the study had before, are counted too.
  void show(const tune::Progress& progress, int64_t earlier = 0);
  void end();  // leaves the last state on a line of its own

 private:
  using Clock = std::chrono::steady_clock;
  bool quiet_, terminal_;
  std::string last_;  // what a terminal shows
  Clock::time_point shown_ = {};
};

// "12 of 50 trials, 2 running, 1 paused, best 0.9812 (lr = 0.013, width = 64), 14.2 a second, 2.7 s
// to go"; of that what fits into the columns (0: all), the most telling first. In 40 columns: "12
// of 50 trials, best 0.9812, 2.7 s to go".
std::string progress_text(const tune::Progress& progress, int64_t earlier = 0, int columns = 0);

}  // namespace attune::cli
