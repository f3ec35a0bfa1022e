#include "attune/optim/schedule.h"

#include <cmath>
#include <numbers>
#include <utility>

#include "attune/tensor/internal/check.h"

namespace attune::optim {
namespace {

void check_steps(const char* name, int64_t steps) {
  check<ValueError>(steps > 0, "{}: the number of steps must be positive, got {}", name, steps);
}

}  // namespace

Schedule cosine(int64_t steps, double last) {
  check_steps("cosine", steps);
  check<ValueError>(last >= 0 && std::isfinite(last),
                    "cosine: the last factor must be a finite number, not negative, got {}", last);
  return [steps, last](int64_t step) {
    if (step >= steps) return last;
    const double part = static_cast<double>(step) / static_cast<double>(steps);
    return last + (1 - last) * 0.5 * (1 + std::cos(std::numbers::pi * part));
  };
}

Schedule linear_warmup(int64_t steps, Schedule next) {
  check_steps("linear_warmup", steps);
  return [steps, next = std::move(next)](int64_t step) {
    if (step < steps) return static_cast<double>(step + 1) / static_cast<double>(steps);
    return next ? next(step - steps) : 1.0;
  };
}

Schedule step_decay(int64_t steps, double factor) {
  check_steps("step_decay", steps);
  check<ValueError>(factor > 0 && std::isfinite(factor),
                    "step_decay: the factor must be a finite number above 0, got {}", factor);
  return [steps, factor](int64_t step) {
    const int64_t drops = step / steps;
    return std::pow(factor, static_cast<double>(drops));
  };
}

}  // namespace attune::optim
