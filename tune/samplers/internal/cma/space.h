#pragma once
// A search space as CMA-ES sees it: numbers in the unit cube, and choices. What can have one value
// only is left out.

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "attune/tune/history.h"
#include "attune/tune/space.h"

namespace attune::tune::internal {

struct CmaPoint {
  std::vector<double> numbers = {};
  std::vector<int64_t> choices = {};  // -1: none
};

class CmaSpace {
 public:
  explicit CmaSpace(const Space& space);
  bool is(const Space& space) const;  // forbid() left aside

  size_t numbers() const { return numbers_.size(); }
  size_t choices() const { return choices_.size(); }
  int64_t choice_count(size_t k) const { return params_[choices_[k]].levels(); }

  std::vector<double> start() const;  // the numbers of the default configuration

  // One unit per parameter of the space.
  std::vector<double> units(const CmaPoint& point) const;

  // The trial's values in the order of the space, NaN for what it does not have.
  std::vector<double> values(const History& history, const TrialRecord& trial) const;

  // Whether the values are what comes of suggesting the point.
  bool fits(std::span<const double> values, const CmaPoint& point) const;

  // A point with the values; what is missing is as in `numbers`, or no choice.
  CmaPoint point(std::span<const double> values, std::span<const double> numbers) const;

  // In a point of a trial that does not have all of it: the same for what is missing.
  void forget_missing(std::span<const double> values, std::span<const double> numbers,
                      CmaPoint& point) const;

  // The number can only be counted: 2 or more values. 0: a continuum.
  int64_t levels(size_t number) const { return levels_[number]; }
  // The slice of the unit interval that gives the same value as u.
  std::pair<double, double> cell(size_t number, double u) const;

 private:
  std::vector<Param> params_;
  std::vector<size_t> numbers_, choices_;  // indices of params_
  std::vector<int64_t> levels_;            // of numbers_
};

}  // namespace attune::tune::internal
