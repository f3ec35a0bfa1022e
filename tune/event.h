#pragma once
// The facts a study consists of. A Storage keeps them without understanding them; History::apply
// alone gives them meaning, so that no two storages can disagree.

#include <cstdint>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "attune/tune/param.h"

namespace attune::tune {

// Of a report: what any JSON reader takes for a whole number.
inline constexpr int64_t kLastStep = int64_t{1} << 53;

// A trial waits until a worker claims it. A paused one waits to be resumed. Only the last three
// states are final.
enum class State : uint8_t { waiting, running, paused, complete, pruned, failed };
enum class Direction : uint8_t { minimize, maximize };

inline bool finished(State state) { return state >= State::complete; }

// Times are seconds since 1970 (UTC); 0: unknown. Values are as the user gave them: no sign is
// changed.
struct Created {  // a new trial; its number is the count of those before it
  int64_t trial = 0;
};
// A worker runs the trial. Comes again when a paused trial is resumed, and when another worker
// takes over from one that has died.
struct Claimed {
  int64_t trial = 0;
  double time = 0;
  std::string worker = {};  // JSON text naming it; empty: unknown, as with Optuna's
};
struct ParamSet {
  int64_t trial = 0;
  std::shared_ptr<const Param> param = {};
  double value = 0;  // see Param
};
struct Reported {
  int64_t trial = 0;
  int64_t step = 0;
  double value = 0;                  // of the first objective
  std::vector<double> further = {};  // of the others
};
struct Paused {  // after this step, to be resumed at the next
  int64_t trial = 0;
  int64_t step = 0;
};
// What a scheduler decided on the trial's report of a step. A fact, so that what follows from it
// does not depend on who asks, or when.
struct Decided {
  enum class What : uint8_t { stop, pause };
  int64_t trial = 0;
  int64_t step = 0;
  What what = What::stop;
};
// The trial is new and goes on from where another was paused, usually with other parameters.
struct Forked {
  int64_t trial = 0;
  int64_t parent = 0;
  int64_t step = 0;  // the parent's last before its pause
};
// The trial is another attempt at one that failed, with the same parameters.
struct Retried {
  int64_t trial = 0;
  int64_t of = 0;  // the first that was tried with them, as Optuna has it
};
struct Attribute {  // of a trial, or of the study (trial -1)
  static constexpr int64_t kStudy = -1;
  int64_t trial = kStudy;
  bool system = false;  // a program's own; the others are the user's
  std::shared_ptr<const std::string> name = {};
  std::shared_ptr<const std::string> json = {};  // the value, as JSON text
};
struct Finished {
  int64_t trial = 0;
  State state = State::complete;
  // One per objective; pruned: the last report, if there is any; failed: none.
  std::vector<double> values = {};
  double time = 0;
};

using Event = std::variant<Created, Claimed, ParamSet, Reported, Paused, Decided, Attribute,
                           Finished, Forked, Retried>;

inline int64_t trial_of(const Event& event) {
  return std::visit([](const auto& e) { return e.trial; }, event);
}

}  // namespace attune::tune
