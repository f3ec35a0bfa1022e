#pragma once
// The values of a stepped range as one would write them down: 0.1 * 3 is 0.3.

#include <cstdint>

namespace attune::tune::internal {

struct Decimal;

// low + k * step, computed in decimals on the shortest texts of `low` and `step`. Falls back on
// doubles for numbers too far apart.
class DecimalSteps {
 public:
  DecimalSteps(double low, double step);
  double value(int64_t k) const;
  int64_t count_to(double high) const;  // steps that fit between low and high

 private:
  bool scale(Decimal d, int64_t& units) const;

  double low_, step_;
  int exponent_ = 0;
  int64_t low_units_ = 0, step_units_ = 1;
  bool exact_ = false;
};

}  // namespace attune::tune::internal
