#pragma once
// The schedulers there are. A trial that pauses is the same objective called again later; it goes
// on from its own bits when it names its state by Trial::checkpointable(). Steps count from 0 and
// need not be even: a trial has done so many steps when it has reported that one or a later one.
// Several objectives are ranked by domination, and feasible trials come before others. A trial
// whose report at such a place is NaN is stopped. ValueError for options that make no sense.
//   tune::Study study({.sampler = tune::tpe(), .scheduler = tune::hyperband({.max_steps = 81})});
// docs/schedulers.md says which to take.

#include <cstdint>
#include <memory>

#include "attune/tune/scheduler.h"

namespace attune::tune {

struct AshaOptions {
  int64_t min_steps = 1;  // steps before the first comparison
  int64_t reduction = 3;  // of so many one goes on, with so many times the steps
};
// Asynchronous successive halving (Li et al., "A system for massively parallel hyperparameter
// tuning", 2020). A trial pauses after min_steps, min_steps * reduction, ... steps; whenever one is
// among the best 1 / reduction of those that have come as far, it goes on, and otherwise a new one
// is started. Once none may start, the best at each place goes on too, so that one is complete.
// What was never promoted stays paused: a later run may still promote it.
std::shared_ptr<const Scheduler> asha(AshaOptions options = {});

struct SuccessiveHalvingOptions {
  int64_t min_steps = 1;
  int64_t reduction = 3;
  // Trials that are compared with each other; 0: the least power of `reduction` from 16 on.
  int64_t size = 0;
};
// Successive halving (Jamieson and Talwalkar, "Non-stochastic best arm identification", 2016), of
// `size` trials after the other: all wait at each place until the last has come, then the best
// 1 / reduction go on and the others end. The last to remain runs to its end.
std::shared_ptr<const Scheduler> successive_halving(SuccessiveHalvingOptions options = {});

struct HyperbandOptions {
  int64_t min_steps = 1;
  int64_t max_steps = 81;  // of a trial that runs to its end
  int64_t reduction = 3;
};
// Hyperband (Li et al., 2018): successive halving over and over, first of many trials from
// min_steps on, then of fewer from more steps on, at last of some that all run to their ends. With
// tpe() as sampler it is BOHB's pairing (Falkner et al., 2018).
std::shared_ptr<const Scheduler> hyperband(HyperbandOptions options = {});

struct PopulationOptions {
  int64_t size = 16;
  int64_t interval = 1;  // steps between two comparisons
};
// Population based training (Jaderberg et al., 2017): `size` trials train at the same time. After
// each interval the worst quarter ends, and as many forks of trials of the best quarter take their
// place, each with the weights of its parent and parameters near the parent's: numbers times 0.8 or
// 1.2, choices drawn anew one time in four. A fork is a trial of its own and counts as one;
// Study::lineage() returns the schedule of parameters that has led to a trial. When all of a
// population have ended, the next begins.
std::shared_ptr<const Scheduler> population(PopulationOptions options = {});

struct Pb2Options {
  int64_t size = 16;
  int64_t interval = 1;  // steps between two comparisons
};
// Population based bandits (PB2; Parker-Holder, Nguyen and Roberts, 2020): as population(), but the
// forks' parameters are where a model of what members gained in each interval, which forgets as
// training goes on, has its upper confidence bound. It needs fewer members than population() does,
// from 4 on. Of several objectives the model sees the first. Choices are drawn anew one time in
// four.
std::shared_ptr<const Scheduler> pb2(Pb2Options options = {});

struct FreezeThawOptions {
  int64_t max_steps = 50;      // of a trial that runs to its end
  int64_t interval = 0;        // steps between two decisions; 0: a fiftieth of max_steps
  int64_t startup_trials = 6;  // that the sampler chooses, before there is a model
};
// Freeze-thaw (Swersky et al., 2014): after each interval a model of all learning curves says which
// paused trial, or which new configuration, is likeliest to be better than the best so far after
// some more steps, by a margin, both of which are drawn anew each time (ifBO, Rakotoarison et al.,
// 2024). It chooses the parameters of new trials itself; the sampler chooses the first ones, and
// what the model does not know. Of several objectives it looks at the first. A decision takes some
// tens of milliseconds: for steps that take longer. Once none may start, the most hopeful go on to
// their ends; the others stay paused.
std::shared_ptr<const Scheduler> freeze_thaw(FreezeThawOptions options = {});

}  // namespace attune::tune
