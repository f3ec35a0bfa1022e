#include "attune/tune/analysis/internal/winner.h"

#include <algorithm>
#include <limits>

#include "attune/tune/internal/math/student_t.h"

namespace attune::tune::internal {

double expected_of_lowest(std::span<const std::vector<double>> candidates) {
  size_t repeats = std::numeric_limits<size_t>::max();
  for (const auto& values : candidates) repeats = std::min(repeats, values.size());
  double sum = 0;
  for (size_t left_out = 0; left_out < repeats; ++left_out) {
    double lowest = std::numeric_limits<double>::infinity(), measured = 0;
    for (const auto& values : candidates) {
      double mean = 0;
      for (size_t r = 0; r < values.size(); ++r) {
        if (r != left_out) mean += values[r] / static_cast<double>(values.size() - 1);
      }
      if (mean < lowest) lowest = mean, measured = values[left_out];
    }
    sum += measured / static_cast<double>(repeats);
  }
  return sum;
}

WinnerInterval interval_of_highest(double estimate, double error, double dof, size_t candidates,
                                   double level) {
  if (!(error > 0)) return {estimate, estimate};
  const double tail = (1 - level) / 2;
  const double below = student_t_quantile(1 - tail / static_cast<double>(candidates), dof);
  const double above = student_t_quantile(1 - tail, dof);
  return {estimate - error * below, estimate + error * above};
}

}  // namespace attune::tune::internal
