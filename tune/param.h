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

// Inside the tuner a value is a double: the number itself, or the index of a choice. The same value
// also has a unit, its place in [0, 1], and, where values can be counted, a level: 0, 1, 2 ...
struct Param {
  enum class Kind : uint8_t { real, integer, categorical };
  struct Normal {
    double mean = 0, deviation = 1;  // log: the deviation is a factor, above 1
    bool operator==(const Normal&) const = default;
  };

  std::string name = {};
  Kind kind = Kind::real;
  double low = 0, high = 1;  // inclusive; categorical: 0 and the number of choices - 1
  bool log = false;
  double step = 0;                         // 0: none; integers: at least 1
  std::vector<ParamValue> choices = {};    // categorical
  std::vector<double> grid = {};           // when not empty: the only values, ascending
  std::optional<double> first = {};        // the value of the default configuration
  std::vector<Condition> conditions = {};  // all must hold
  std::optional<Normal> normal = {};       // prior() of a range
  std::vector<double> weights = {};        // prior() of levels; when not empty: one for each
  std::string flaw = {};  // what was wrong with the declaration; reported once it has a name

  // Throws SearchSpaceError, naming the parameter: low > high, a log range that does not begin
  // above 0, a step that is not above 0 or is wider than the range, a bound that is not finite or
  // an integer above 2^53, no choices, two choices that are equal in Python, a first value outside
  // the range, a prior that is none, a name or choice that is not UTF-8.
  void validate() const;

  // [0, 1] -> value. Each level gets an equal slice of [0, 1]; log integers get slices by their
  // logarithm. With a prior, units are its quantiles: likelier values get wider slices, so samplers
  // follow the prior without knowing of it. Units 0 and 1 are exactly `low` and `high`.
  double from_unit(double u) const;
  // value -> [0, 1], the middle of its slice: from_unit(to_unit(v)) == v for every v of the range.
  // A value outside the range gives the nearest end.
  double to_unit(double value) const;

  // How many values there are; 0: a continuum.
  int64_t levels() const;
  double level_value(int64_t level) const;  // level in [0, levels())
  int64_t level_of(double value) const;     // the nearest

  // 2 -> "tanh"; ValueError when it is not the number of a choice, or no 64-bit integer.
  ParamValue external(double value) const;
  double internal(const ParamValue& value) const;  // "tanh" -> 2; ValueError when it is no choice
  // `first`, else what the prior holds likeliest, else the middle of the range or the first choice.
  double default_value() const;

  // The same name, scale and bounds: what a storage keeps. The rest is local to a program.
  bool same_distribution(const Param& other) const;
  bool local() const;  // there is such a rest
  bool same_local(const Param& other) const;
  // A study may change a parameter's bounds, steps and choices (at least one choice must stay), but
  // not its kind or scale: SearchSpaceError.
  void check_compatible(const Param& earlier) const;
  // Converts a value of `earlier`, which has the same name, to a value of this one; choices are
  // matched by content. NaN: another kind, an unknown choice, or a number out of range.
  double value_from(const Param& earlier, double value) const;

  // For declarations: int_range(1, 4).when("optimizer", "sgd").starting_at(2).
  Param when(std::string_view parent, ParamValue value) const;
  Param when_any(std::string_view parent, std::vector<ParamValue> values) const;
  Param starting_at(const ParamValue& value) const;
  // Which values are likelier beforehand: a normal distribution on the range's scale, truncated at
  // its ends (log_range(1e-4, 1e-1).prior(1e-3, 3): a factor of 3 either way), or a weight for each
  // choice, grid value or step. No value is ruled out: one draw in twenty ignores the normal, and
  // no weight counts for less than a millionth of the total. Storages do not keep priors.
  Param prior(double mean, double deviation) const;
  Param prior(std::vector<double> weights) const;
};

// Decimal arithmetic on the shortest texts of low, high and step, as Optuna's: 0, 1, 0.3 -> 0.9.
double last_step(double low, double high, double step);

}  // namespace attune::tune
