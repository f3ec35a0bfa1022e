#pragma once
// A study once more under another pruner or a smaller budget, from its log: what would have been
// stopped, what would have been found, what it would have cost. Nothing is trained.
//   study.what_if({.pruner = tune::median()}).regret;

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "attune/tune/event.h"
#include "attune/tune/history.h"
#include "attune/tune/pruner.h"

namespace attune::tune {

struct WhatIf {
  std::shared_ptr<Pruner> pruner = {};  // absent: none
  std::optional<int64_t> trials = {};   // only the first so many that were started
  // Training ends before this step: a longer trial's value is its last report before it. (A
  // learning rate that falls towards the end would have fallen earlier; the log cannot say.)
  std::optional<int64_t> steps = {};
};

struct WhatIfTrial {
  int64_t number = 0;
  State state = State::complete;            // what would have become of it
  std::optional<int64_t> stopped_at = {};   // the pruner stopped it after the report at this step
  double value = 0;                         // as it would have been seen; NaN: none
  int64_t reports = 0, reports_logged = 0;  // made, and in the log
};

// Values are in the user's sense, NaN where there is none.
struct WhatIfResult {
  std::vector<WhatIfTrial> trials = {};  // that would have been run, by number

  std::optional<int64_t> best = {}, actual_best = {};  // numbers of complete trials
  double best_value = 0;                               // as it would have been seen
  double actual_value = 0;                             // of the actual best
  // How much worse the one found is than the actual best, by the values in the log: 0 or more.
  double regret = 0;

  int64_t reports = 0, reports_logged = 0;  // that would have been, and were, made
  double seconds = 0, seconds_logged = 0;   // of trials, a trial's reports taken as evenly spread
  int64_t stopped = 0;                      // trials that the pruner stopped
  // Trials that were pruned and that this pruner would not have stopped: nobody knows what would
  // have become of them. They count as pruned where their log ends.
  int64_t unknown = 0;
};

// Trials keep their logged times: a trial is told at its end, its reports are spread evenly between
// its start and its end (a log holds no times of reports), and pruners see at each report what had
// happened by then. A trial that is stopped early ends early, and the others are not moved: exact
// for trials that ran one after the other, and the order of things for those that ran together.
// Where times are missing, trials are taken one after the other. With a `lag` (deterministic
// studies) the pruner sees at trial k those below k - lag alone, as it did. Pruners are asked after
// every report. ValueError: several objectives, fewer than 0 trials or steps.
WhatIfResult what_if(const History& history, const WhatIf& change, std::optional<int64_t> lag = {});

// Study::what_if(change) does this with the study's history.

}  // namespace attune::tune
