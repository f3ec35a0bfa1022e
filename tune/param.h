#pragma once
// One hyperparameter: its range and its scale. Samplers work on the unit interval; Param alone
// knows about logarithms, steps, integers and choices.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/value.h"

namespace attune::tune {

// "Only if that other parameter is active and has one of these values."
struct Condition {
  std::string parent;
  std::vector<ParamValue> values;
  bool operator==(const Condition&) const = default;
};

// Inside the tuner a value is a double: the number itself, or the index of a choice. Two words for
// the same thing elsewhere: its unit, in [0, 1], and, where values can be counted, its level, 0, 1,
// 2 ...
struct Param {
  enum class Kind : uint8_t { real, integer, categorical };

  std::string name = {};
  Kind kind = Kind::real;
  double low = 0, high = 1;  // inclusive; categorical: 0 and the number of choices - 1
  bool log = false;
  double step = 0;                         // 0: none; integers: at least 1
  std::vector<ParamValue> choices = {};    // categorical
  std::vector<double> grid = {};           // when not empty: the only values, ascending
  std::optional<double> first = {};        // the value of the default configuration
  std::vector<Condition> conditions = {};  // all must hold

  // Throws SearchSpaceError, naming the parameter: low > high, a log range from 0 down, a step <=
  // 0, a bound that is not finite, no choices, two choices that Python would call equal.
  void validate() const;

  // [0, 1] -> value. Equal slices of [0, 1] go to each level; log integers get slices by the
  // logarithm.
  double from_unit(double u) const;
  // value -> [0, 1], the middle of its slice: from_unit(to_unit(v)) == v for every v of the range.
  // A value outside the range gives the nearest end.
  double to_unit(double value) const;

  // How many values there are; 0: a continuum.
  int64_t levels() const;
  double level_value(int64_t level) const;  // level in [0, levels())
  int64_t level_of(double value) const;     // the nearest

  ParamValue external(double value) const;         // 2 -> "tanh"
  double internal(const ParamValue& value) const;  // "tanh" -> 2; ValueError when it is no choice
  double default_value() const;  // `first`, else the middle of the range, else the first choice

  // The same name, scale and bounds: what a storage keeps. The rest is local to a program.
  bool same_distribution(const Param& other) const;
  // A study may change bounds and steps of a parameter, not its kind, its scale or its choices:
  // SearchSpaceError otherwise.
  void check_compatible(const Param& earlier) const;

  // For declarations: int_range(1, 4).when("optimizer", "sgd").starting_at(2).
  Param when(std::string_view parent, ParamValue value) const;
  Param when_any(std::string_view parent, std::vector<ParamValue> values) const;
  Param starting_at(const ParamValue& value) const;
};

// Decimal arithmetic on the shortest texts of low, high and step, as Optuna's: 0, 1, 0.3 -> 0.9.
double last_step(double low, double high, double step);

}  // namespace attune::tune
