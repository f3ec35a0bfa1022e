#pragma once
// What a sampler is; samplers.h lists those there are. It chooses parameters, as a pure function of
// the study's seed, the trial's number and the trials it is shown; it sees units in [0, 1] and
// losses where lower is better. It may keep what it has computed, as long as computing it anew
// would give the same.

#include <cstdint>
#include <memory>
#include <string>
#include <span>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/history.h"
#include "attune/tune/space.h"

namespace attune::tune {

// What a sampler is asked, and all it may know.
struct Question {
  int64_t number = 0;  // the trial's
  uint64_t seed = 0;   // the study's
  // The parameters to choose together: the declared space; else those that all complete trials had.
  const Space& space;
  // Finished trials, and, as running, others whose parameters may be seen. Not the asking trial's
  // own values: those that are fixed win over whatever the sampler says.
  const History& history;
  std::span<const Chosen> chosen = {};  // for sample(): in the order chosen
  std::span<const Chosen> parent = {};  // of a fork: what the trial had that it goes on from
};

// A study calls its sampler under its lock; one sampler object must not serve two studies that run
// at the same time, unless it keeps nothing.
class Sampler {
 public:
  virtual ~Sampler() = default;

  // Once per trial: one unit for each parameter of question.space, in its order. NaN, or an empty
  // result, leaves parameters to sample(); units of inactive parameters are not looked at. Called
  // again, with `rng` where it was left, when the combination is forbidden.
  virtual std::vector<double> propose(const Question& question, Rng& rng);

  // One parameter that propose() did not choose; `rng` is keyed by its name too. A unit.
  virtual double sample(const Question& question, const Param& param, Rng& rng) = 0;

  // Should trial 0 be the default configuration? (StudyOptions::first)
  virtual bool starts_with_defaults() const;

  // The space that the sampler brings with it; it stands in for StudyOptions::space when that is
  // empty.
  virtual const Space* space() const;

  // Parameters that it holds at a value, whatever the space; its question has the others only.
  virtual const Params& held() const;

  // What a reader of the study should know about how this trial is chosen; it is kept as the
  // study's attribute "sampler" whenever it changes. Empty: nothing.
  virtual std::string note(const Question& question) const;

  // True when nothing is left to try: optimize() then ends.
  virtual bool exhausted(const Question& question);
};

}  // namespace attune::tune
