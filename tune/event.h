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

enum class State : uint8_t { waiting, running, complete, pruned, failed };
enum class Direction : uint8_t { minimize, maximize };

inline bool finished(State state) { return state >= State::complete; }

// Times are seconds since 1970 (UTC); 0: unknown. Values are as the user gave them: no sign is
// changed.
struct Created {  // a trial came to be; its number is the count of those before it
  int64_t trial = 0;
};
struct Started {
  int64_t trial = 0;
  double time = 0;
};
struct ParamSet {
  int64_t trial = 0;
  std::shared_ptr<const Param> param = {};
  double value = 0;  // see Param
};
struct Reported {
  int64_t trial = 0;
  int64_t step = 0;
  double value = 0;
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
  std::vector<double> values =
      {};  // one per objective; pruned: the last report, if any; failed: none
  double time = 0;
};

using Event = std::variant<Created, Started, ParamSet, Reported, Attribute, Finished>;

}  // namespace attune::tune
