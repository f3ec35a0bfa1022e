#pragma once
// The parameters that a study is searched in now, where it holds trials with others: somebody has
// gone on with it in another space. What is best, and what is said of the study, is then of the
// trials that have these parameters.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/history.h"
#include "attune/tune/study.h"

namespace attune::tune {

// Of the study; {"lr": {}, "slope": {"act": ["relu"]}}: names, and the conditions of each.
inline constexpr char kSpaceAttribute[] = "attune:space";

class KeptSpace {
 public:
  static KeptSpace of(const Space& space);
  // None: the study has no such attribute, or what it says cannot be read.
  static std::optional<KeptSpace> in(const History& history);

  // Whether these are the parameters that the space asks for, whatever their ranges.
  bool fits(const Params& params) const;
  bool fits(const TrialRecord& trial, const History& history) const;
  // Those that every trial has, with their latest ranges.
  Space space(const History& history) const;
  std::string json() const;

 private:
  struct Name {
    std::string name;
    std::vector<Condition> conditions = {};
  };
  const Name* find(std::string_view name) const;

  std::vector<Name> names_;
};

// Notes that the study goes on in this space, if it has trials with other parameters, or was noted
// to be searched in another space.
void keep_space(Study& study, const Space& space);

}  // namespace attune::tune
