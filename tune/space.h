#pragma once
// A search space as data: named ranges, conditions between them, and combinations never to be
// tried.
//   Space{{"lr", log_range(1e-4, 1e-1)}, {"batch", powers_of_two(16, 256)}, {"act", choice({"relu",
//   "gelu"})},
//         {"slope", range(0, 0.3).when("act", "relu")}}

#include <functional>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/param.h"

namespace attune::tune {

Param range(double low, double high);
Param stepped_range(double low, double high, double step);  // low, low + step, ... up to high
Param log_range(double low, double high);
Param int_range(int64_t low, int64_t high, int64_t step = 1);
Param log_int_range(int64_t low, int64_t high);
Param powers_of_two(int64_t low,
                    int64_t high);  // 16, 32, ... 256; low and high must be powers of two
Param choice(std::vector<ParamValue> choices);
Param linear_grid(double low, double high, int64_t count);  // exactly these values, ends included
Param log_grid(double low, double high, int64_t count);
Param values(std::vector<double> numbers);  // exactly these numbers

struct NamedParam {
  std::string name;
  Param param;
};

class Space {
 public:
  using Predicate = std::function<bool(const Params&)>;

  Space() = default;
  // SearchSpaceError: see Param::validate; also a name used twice, and a condition that is cyclic,
  // names an unknown parameter, or can never hold.
  Space(std::initializer_list<NamedParam> params);
  explicit Space(std::vector<NamedParam> params);

  Space& add(std::string name, Param param);  // a parent must have been added before
  // Combinations for which this is true are never suggested. The Params hold the active ones only.
  Space& forbid(Predicate predicate);
  // Fixes a parameter at a value: trials have it and storages keep it, but samplers do not see it.
  // Trials with other values still count. SearchSpaceError: the parameter is not in the space, or
  // cannot have that value.
  Space& freeze(std::string_view name, const ParamValue& value);
  Space& thaw(std::string_view name);

  const std::vector<Param>& params() const { return params_; }  // in the order declared
  const Param* find(std::string_view name) const;
  const std::vector<size_t>& order() const { return order_; }  // indices, parents before children
  const Params& frozen() const { return frozen_; }
  bool empty() const { return params_.empty(); }
  size_t size() const { return params_.size(); }

  // Below, one number per parameter in the order of params(): its value (see Param), or its unit.
  std::vector<double> to_values(std::span<const double> units) const;
  std::vector<bool> active(std::span<const double> values) const;
  bool allowed(std::span<const double> values) const;      // no predicate of forbid() holds
  bool permits(const Params& active) const;                // the same, of the active ones
  Params to_params(std::span<const double> values) const;  // the active ones
  std::vector<double> default_values() const;

  // Why these cannot be the parameters of a trial: one is unknown, missing, out of its range, or
  // inactive. Empty: they can.
  std::string flaw(const Params& params) const;

  // As flaw() of some of the parameters: which are missing does not matter, nor do conditions.
  std::string flaw_of_some(const Params& params) const;

  // The space of the remaining parameters once these have the given values: conditions on them are
  // resolved, and the predicates of forbid() see them. Names that are not in the space are ignored.
  Space given(const Params& held) const;

  bool conditional() const { return conditional_; }
  bool restricted() const { return !forbidden_.empty(); }
  // How many combinations there are, conditions and forbid() left aside; 0: a continuum or above
  // 2^62.
  int64_t combinations() const;

 private:
  void check();
  size_t index_of(std::string_view name) const;

  std::vector<Param> params_;
  std::vector<size_t> order_;  // parents before children
  std::vector<Predicate> forbidden_;
  Params frozen_;
  bool conditional_ = false;
};

// Common starting ranges, each with a sensible first value.
namespace defaults {
Param learning_rate();   // 1e-4 .. 1e-1, log; first 1e-3
Param batch_size();      // 16 .. 256, powers of two; first 64
Param layers();          // 1 .. 10; first 2
Param regularization();  // 1e-4 .. 1e-1, log; first 1e-3
Param dropout();         // 0 .. 0.5; first 0.1
Param epochs();          // 5 .. 100, log; first 20
}  // namespace defaults

// A parameter that a trial has already, and its value (see Param).
struct Chosen {
  const Param* param = nullptr;
  double value = 0;
};

}  // namespace attune::tune
