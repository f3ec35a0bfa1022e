#pragma once
// What a study found, in figures and in sentences for people who did not run it: the best
// configuration, what it gains over the default one, what mattered, whether the search is done, and
// what to try next.
//   for (const std::string& s : tune::findings(view).sentences()) std::cout << s << '\n';

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "attune/tune/study_view.h"

namespace attune::tune {

// What the best configuration is better than the default one, in the objective's units and whatever
// the direction: above 0 is better. 95 % intervals.
struct Gain {
  double value = 0, low = 0, high = 0;
  // What the best trial's own value promises beyond that: the luck of having been picked.
  double optimism = 0;
  // From runs of confirm() on fresh seeds; else from the model of all trials (predict.h), which
  // knows that the best of many noisy values is lucky.
  bool confirmed = false;
};

// What more trials would bring, by the same model: how far below the best the objective may still
// go.
struct Outlook {
  int64_t trials = 50;
  double likely = 0, high = 0;  // what a thorough search would gain, in the mean and at most (95 %)
  // Likely next to nothing beside what the search has found so far, or beside what one run differs
  // from the next.
  bool converged = false;
};

struct ParamFinding {
  std::string name;
  double importance = 0;  // by fANOVA, of one; see importance.h
  enum class Edge : uint8_t {
    none,
    low,
    high
  } edge = Edge::none;  // of its range, where the best is
};

struct Cause {
  std::string error;
  std::vector<int64_t> trials;
};

struct Findings {
  std::string study;
  std::vector<Direction> directions;
  int64_t complete = 0, pruned = 0, failed = 0, unfinished = 0;
  // What to take: with one objective the best trial, by the model where values are noisy. Several
  // objectives: none, and the trials that no other beats.
  std::optional<TrialResult> best;
  std::vector<int64_t> front;
  bool best_is_default = false;
  bool infeasible = false;  // no complete trial meets its constraints: the best violates them least
  bool all_equal = false;   // ten complete trials or more, and all values are the same
  double noise = 0;         // deviation of one run from the next, where the model sees some; else 0
  std::optional<Gain> gain;          // one objective, ten complete trials, a space with defaults
  std::optional<Outlook> outlook;    // as for gain
  std::vector<ParamFinding> params;  // by importance
  std::vector<Cause> causes;         // of failed trials, the most frequent first

  // A few sentences each: what was found; what to do next.
  std::vector<std::string> sentences() const;
  std::vector<std::string> advice() const;
};

// Looks only; the same for the same study. Runs of confirm() count for the gain alone. Some tens of
// milliseconds for 100 trials, and a second or two for thousands.
Findings findings(const StudyView& view);

}  // namespace attune::tune
