#include "attune/optim/schedule.h"

#include <algorithm>
#include <cmath>
#include <limits>
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

Schedule exponential(double factor) {
  check<ValueError>(factor > 0 && std::isfinite(factor),
                    "exponential: the factor must be a finite number above 0, got {}", factor);
  return [factor](int64_t step) { return std::pow(factor, static_cast<double>(step)); };
}

Schedule one_cycle(int64_t steps, const OneCycleOptions& o) {
  check_steps("one_cycle", steps);
  check<ValueError>(o.warm > 0 && o.warm < 1, "one_cycle: warm must be in (0, 1), got {}", o.warm);
  check<ValueError>(o.first >= 0 && o.last >= 0 && std::isfinite(o.first) && std::isfinite(o.last),
                    "one_cycle: factors must be finite, not negative, got {} and {}", o.first,
                    o.last);
  return [o, end = static_cast<double>(steps - 1)](int64_t step) {
    const auto wave = [](double from, double to, double part) {
      return to + (from - to) * 0.5 * (1 + std::cos(std::numbers::pi * part));
    };
    const double at = static_cast<double>(step), top = o.warm * (end + 1) - 1;
    if (at <= top && top > 0) return wave(o.first, 1, at / top);
    if (at >= end) return o.last;
    return wave(1, o.last, (at - top) / (end - top));
  };
}

Plateau::Plateau(const PlateauOptions& o)
    : options_(o), best_(std::numeric_limits<double>::infinity()) {
  check<ValueError>(o.factor > 0 && o.factor < 1 && o.least >= 0 && o.least <= 1,
                    "reduce_on_plateau: factor must be in (0, 1) and least in [0, 1], got {} and "
                    "{}",
                    o.factor, o.least);
  check<ValueError>(o.patience >= 0 && o.cooldown >= 0 && o.threshold >= 0,
                    "reduce_on_plateau: patience {}, cooldown {} and threshold {} must not be "
                    "negative",
                    o.patience, o.cooldown, o.threshold);
}

double Plateau::report(double loss) {
  const bool better =
      std::isinf(best_) ? loss < best_ : loss < best_ - options_.threshold * std::abs(best_);
  if (better) best_ = loss;
  bad_ = better ? 0 : bad_ + 1;
  if (resting_ > 0) {
    --resting_;
    bad_ = 0;
  }
  if (bad_ > options_.patience) {
    factor_ = std::max(factor_ * options_.factor, options_.least);
    resting_ = options_.cooldown;
    bad_ = 0;
  }
  return factor_;
}

Plateau reduce_on_plateau(const PlateauOptions& options) { return Plateau(options); }

}  // namespace attune::optim
