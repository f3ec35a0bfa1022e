#pragma once
// Are the best trials really the best, and how good are they? The best of many noisy scores is good
// and lucky; running it again, on fresh seeds, tells how much was luck.
//   const tune::ConfirmResult r = study.confirm(5, objective, {.repeats = 10});
//   r.winner().params;  r.gain;  r.gain_low;  r.gain_high;

#include <cstdint>
#include <optional>
#include <vector>

#include "attune/tune/study.h"

namespace attune::tune {

struct ConfirmOptions {
  int64_t repeats = 5;  // runs of each configuration, those of earlier calls included; at least 2
  double level = 0.95;  // of the intervals
  int jobs = 1;         // runs at a time, each on a thread
  ProgressSink progress = {};
};

// One configuration and its runs. Values are in the user's sense.
struct Confirmed {
  int64_t number = -1;  // the trial that was run again; -1: the default configuration
  Params params = {};
  double before = 0;                    // what that trial gave; NaN for the default configuration
  std::vector<double> values = {};      // of the runs that gave one
  std::vector<int64_t> runs = {};       // the numbers of all its runs
  int64_t failed = 0;                   // runs that gave none
  double mean = 0, standard_error = 0;  // NaN with too few values
};

struct ConfirmResult {
  std::vector<Confirmed> candidates = {};  // by what they gave before, the best first
  Confirmed defaults = {};
  size_t chosen = 0;  // the candidate with the best mean, of those with the fewest failed runs
  const Confirmed& winner() const { return candidates.at(chosen); }

  // The mean to expect of the winner, with the luck it takes to be picked as the best removed.
  double value = 0, value_low = 0, value_high = 0;
  // What the winner is better than the default configuration, in the objective's units, whatever
  // the direction: above 0 is better. The same luck removed.
  double gain = 0, gain_low = 0, gain_high = 0;
  // What the winner's one trial promised beyond `value`.
  double optimism = 0;
};

// Study::confirm(count, objective, options) runs the `count` best different configurations and the
// default one `repeats` times each, as new trials of this study, whose numbers make their
// Trial::rng streams new. The search does not take part: samplers, pruners, best_trial(),
// importances() and the like do not see these runs (attribute "attune:confirms"), nothing prunes
// them, and a parameter that the configuration does not name takes its default value. So what was
// chosen does not depend on what confirms it, also when the search goes on and confirm() is called
// again; and several runs of one configuration are not taken for several finds. Runs that are in
// the study already count: a call that was broken off is gone on with.
//
// The winner is picked by the new means, which is better than by the old values and biased in its
// own way. So `value` and `gain` are measured by repeats that did not pick (each left out in turn),
// and the intervals allow for the choice among `count`; internal/winner says how. They are
// Student's, with the candidates' variances taken together (or the winner's own where that is
// larger) and Welch's degrees of freedom beside the default configuration's. NaN where fewer than
// two runs gave values.
//
// Where the space forbids the default configuration, the study's first trial stands in for it.
// ValueError: no complete trial, several objectives, count or jobs < 1, repeats < 2, a level
// outside (0, 1). An objective that throws makes a failed run. stop() ends it early.

// The same from the runs that a study has already; nothing runs. Nothing without any, or where no
// candidate has two runs with values. ValueError: several objectives, a level outside (0, 1).
std::optional<ConfirmResult> confirmed(const Study& study, double level = 0.95);

}  // namespace attune::tune
