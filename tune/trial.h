#pragma once
// One run of the objective: it asks for parameters, may report how it goes, and ends with an
// Outcome.

#include <chrono>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/checkpointable.h"
#include "attune/tune/event.h"
#include "attune/tune/space.h"

namespace attune::tune {

// How suggest_float and suggest_int place values: tune::log, tune::step(0.25), or nothing.
struct Spacing {
  bool log = false;
  std::optional<double> step = {};
};
inline constexpr Spacing log{.log = true};
constexpr Spacing step(double size) { return {.log = false, .step = size}; }

struct Pruned {};
inline constexpr Pruned pruned{};
struct PausedHere {   // what Trial::stopped() returns for a trial that will be resumed
  int64_t step = -1;  // after this one
};
struct Failed {
  std::string reason = {};
};

// How a trial ended: a number, one number per objective, tune::pruned, or Failed. NaN counts as
// failed.
class Outcome {
 public:
  template <typename T>
  requires std::is_arithmetic_v<T> Outcome(T value)
      : state_(State::complete), values_{static_cast<double>(value)} {}
  Outcome(std::vector<double> values) : state_(State::complete), values_(std::move(values)) {}
  Outcome(std::initializer_list<double> values) : state_(State::complete), values_(values) {}
  Outcome(Pruned) : state_(State::pruned) {}
  Outcome(PausedHere paused) : state_(State::paused), step_(paused.step) {}
  Outcome(Failed failed) : state_(State::failed), reason_(std::move(failed.reason)) {}

  State state() const { return state_; }
  const std::vector<double>& values() const { return values_; }
  const std::string& reason() const { return reason_; }
  int64_t step() const { return step_; }  // paused: the last that was run

 private:
  State state_;
  std::vector<double> values_ = {};
  std::string reason_ = {};
  int64_t step_ = -1;
};

// A trial as a study remembers it, values in the user's own sense.
struct TrialResult {
  int64_t number = 0;
  State state = State::running;
  double value = 0;  // the first objective's; NaN when there is none
  std::vector<double> values = {};
  Params params = {};
  std::map<std::string, double> constraints = {};  // by name; all at most 0: the trial is feasible
  std::map<int64_t, double> intermediate = {};     // step -> value of the first objective
  std::map<int64_t, std::vector<double>> intermediate_values =
      {};                                                     // of all, when there are several
  std::map<std::string, std::string> user = {}, system = {};  // attributes, JSON text
  double seconds = 0;                                         // NaN until the trial has ended
  std::optional<int64_t> parent = {};                         // the trial it was forked from
  std::optional<int64_t> parent_step = {};                    // the parent's last step before
  std::optional<int64_t> retry_of = {};  // the first trial with these parameters, which failed

  bool feasible() const;  // no constraint is violated
  // Why it failed: the reason told, or what the objective threw; empty: not failed, or not known.
  std::string error() const;
};

// What to add to an error about a study without a result: "; 3 of 3 trials failed, the first
// (trial 0) with: no memory". Empty: none has failed.
std::string failures(const std::vector<TrialResult>& trials);

// One trial's part in a lineage: with these parameters it ran from step first to step last.
struct LineagePart {
  int64_t trial = 0;
  int64_t first = 0, last = 0;
  Params params = {};
};

class IsolatedTrials;
class TrialLink;
class StudyState;
struct Checkpoint;
struct RunLimits;

// To be used by one thread at a time. Destroying an untold trial marks it failed.
class Trial {
 public:
  Trial(Trial&&) noexcept;
  Trial& operator=(Trial&&) noexcept;
  ~Trial();

  int64_t number() const { return number_; }

  // The value of the parameter in this trial, chosen on the first call. Throws SearchSpaceError
  // when the range contradicts itself, or the parameter's earlier ranges in this study.
  double suggest_float(std::string_view name, double low, double high, Spacing spacing = {});
  int64_t suggest_int(std::string_view name, int64_t low, int64_t high, Spacing spacing = {});
  ParamValue suggest_categorical(std::string_view name, std::vector<ParamValue> choices);
  // suggest_categorical("activation", {"relu", "gelu"}) -> std::string; {16, 32} -> int; and so on
  template <typename T>
  auto suggest_categorical(std::string_view name, std::initializer_list<T> choices) {
    using Value = std::conditional_t<std::is_arithmetic_v<T>, T, std::string>;
    return static_cast<Value>(
        suggest_categorical(name, std::vector<ParamValue>(choices.begin(), choices.end())));
  }
  template <typename T>
  requires(!std::is_same_v<T, ParamValue>) auto suggest_categorical(std::string_view name,
                                                                    const std::vector<T>& choices) {
    using Value = std::conditional_t<std::is_arithmetic_v<T>, T, std::string>;
    std::vector<ParamValue> all;
    for (const auto& one : choices) all.emplace_back(one);
    return static_cast<Value>(suggest_categorical(name, std::move(all)));
  }
  ParamValue suggest(std::string_view name, const Param& range);  // tune::log_range(1e-4, 1e-1)
  Params suggest(const Space& space);  // all of it, in one go; what is inactive is left out

  // Steps count from 0; a step reported twice keeps its first value. With several objectives: one
  // value for each. ValueError for another number of values.
  Trial& report(int64_t step, double value);
  Trial& report(int64_t step, const std::vector<double>& values);
  // An outcome that is to be at most 0, whatever the objective: a feasible trial is better than any
  // other, and of two others the one whose violations sum up to less. May be infinite; NaN:
  // ValueError. A name's first value stays; without a name each call adds one.
  Trial& set_constraint(std::string_view name, double value);
  Trial& set_constraint(double value);
  // Whether the trial is to end here: the scheduler stops or pauses it, its run ends, or somebody
  // else has ended it. Then `return trial.stopped();`.
  bool should_stop();
  // Whether the scheduler ends or pauses the trial here, or somebody else has ended it;
  // should_stop() also asks for its run's end.
  bool should_prune();
  // Its run is to end: stop(), a timeout, the trial's own timeout. For long steps, to be asked as
  // often as one likes.
  bool stop_requested() const;
  // The outcome after should_stop() or stop_requested(): pruned, or paused. A paused trial is the
  // same objective called again, later, with the same number and parameters; one that its run broke
  // off is resumed by the next run. If it was paused after its last step, and so returns without
  // another report, its last report is its value.
  Outcome stopped();

  // State to keep while the trial is paused: a module, an optimizer, an Rng, a tuple of them,
  // anything that can be copied. To be called for the same things in the same order, before the
  // first step; of a resumed trial they are set back here to where they stood, and of a fork to
  // where its parent stood; an optimizer then keeps its own settings. A copy of weights shares them
  // until they change. Where the study is
  // kept in a file, states that can be saved (checkpointable.h) are written beside it as well, for
  // other processes and for after a crash. A trial of which nothing is kept starts again from step
  // 0; a fork then fails. ValueError: other states than before the pause. IoError.
  template <typename T>
  requires(!keeping::is_shared<T>) void checkpointable(T& state) {
    keep(keeping::StateRef::of(state));
  }
  // The same for a state that lives as long as the trial.
  template <typename T>
  void checkpointable(const std::shared_ptr<T>& state) {
    owned_.push_back(state);
    keep(keeping::StateRef::of(*state));
  }
  int64_t first_step() const { return first_step_; }  // where a resumed trial or a fork goes on
  std::optional<int64_t> parent() const {             // the trial it was forked from
    return parent_ < 0 ? std::nullopt : std::optional(parent_);
  }
  bool resumed() const { return begun_; }  // it has run before, and was paused or broken off

  Params params() const;                 // chosen so far
  Rng rng(std::string_view name) const;  // of this study's seed, this trial's number and the name
  // Of the study's seed and the name: the same in all of its trials, which are then compared on
  // equal terms (folds, initial weights, the order of the rows).
  Rng study_rng(std::string_view name) const;
  // Whether the study's pruner compares trials step by step; see Pruner.
  bool pairs_steps() const;

  // User attributes: a value, or JSON text of any shape.
  void set_attribute(std::string_view name, const ParamValue& value);
  void set_attribute_json(std::string_view name, std::string json);

 private:
  friend class Chooser;
  friend class IsolatedTrials;
  friend class Runner;
  friend class StudyState;
  friend class Study;
  Trial(std::shared_ptr<StudyState> study, int64_t number);
  explicit Trial(std::shared_ptr<TrialLink> link);  // in a process of its own
  StudyState& study() const;                        // ValueError once told
  double choose(const Param& param);
  Trial& report(int64_t step, std::span<const double> values);
  void give_up() noexcept;
  void end_by(std::chrono::steady_clock::time_point deadline) { deadline_ = deadline; }
  void keep(const keeping::StateRef& state);
  // Resumed after what was its last step, as turns out.
  bool had_nothing_to_do() const { return checkpoint_ && last_step_ < first_step_; }

  struct Proposed {
    std::string name;
    double value;       // see Param
    ParamValue choice;  // of a categorical parameter; its list may be another when it is asked for
  };

  struct Set {
    std::shared_ptr<const Param> param;
    double value;
  };

  std::shared_ptr<StudyState> study_;  // null once told
  std::shared_ptr<TrialLink> link_;    // in place of a study, in a process of its own
  int64_t number_ = 0;
  bool repeats_ = false;  // a run of confirm()
  bool begun_ = false;    // it was broken off, and goes on
  bool retry_ = false;    // it repeats a failed one
  bool proposed_any_ = false;
  Params fixed_;                    // values enqueued, frozen, or held by the sampler
  std::vector<Proposed> proposal_;  // to be used when asked for
  std::vector<Set> set_;            // chosen so far
  int64_t turn_ = -1;               // of a deterministic study
  int64_t parent_ = -1;
  bool forked_ = false;                // it goes on from its parent's state, not yet its own
  std::vector<Set> parent_set_;        // what it had
  std::vector<Chosen> parent_params_;  // the same, for the sampler
  std::shared_ptr<const RunLimits> limits_;
  std::optional<std::chrono::steady_clock::time_point> deadline_;
  int64_t first_step_ = 0, last_step_ = -1;
  int64_t unnamed_ = 0;                           // constraints
  std::shared_ptr<const Checkpoint> checkpoint_;  // to go on with
  std::vector<keeping::StateRef> states_;
  std::vector<std::shared_ptr<void>> owned_;  // of these states
};

}  // namespace attune::tune
