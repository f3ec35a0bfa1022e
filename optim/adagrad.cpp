#include "attune/optim/adagrad.h"

#include <cmath>

#include "attune/tensor/internal/check.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/adagrad.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/optim/internal/formula-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::optim::HWY_NAMESPACE {
namespace {

template <class V>
struct AdagradFormula {
  const Part& part;
  const AdagradOptions& o;
  double step;  // from 1
  V rate = -part.learning_rate / (1 + (step - 1) * o.rate_decay), epsilon = o.epsilon;
  V initial = step == 1 ? o.initial_accumulator : 0;

  HWY_INLINE V operator()(V p, V g, Slot<V>& sum) const {
    sum = multiply_add(g, g, sum + initial);
    return multiply_add(rate, g / (sqrt(sum) + epsilon), p);
  }
};

template <class V>
struct AdadeltaFormula {
  const Part& part;
  const AdadeltaOptions& o;
  V rate = -part.learning_rate, rho = o.rho, rest = 1 - o.rho, epsilon = o.epsilon;

  HWY_INLINE V operator()(V p, V g, Slot<V>& square, Slot<V>& step_square) const {
    square = multiply_add(rho, square, rest * g * g);
    const V step = sqrt(step_square + epsilon) / sqrt(square + epsilon) * g;
    step_square = multiply_add(rho, step_square, rest * step * step);
    return multiply_add(rate, step, p);
  }
};

void AdagradPart(const Part& part, const AdagradOptions& options, double step) {
  move_by<AdagradFormula, 1>(part, options, step);
}
void AdadeltaPart(const Part& part, const AdadeltaOptions& options) {
  move_by<AdadeltaFormula, 2>(part, options);
}

}  // namespace
}  // namespace attune::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::optim {
namespace {

HWY_EXPORT(AdagradPart);
HWY_EXPORT(AdadeltaPart);

void check_epsilon(const char* kind, double epsilon) {
  check<ValueError>(epsilon >= 1e-38 && std::isfinite(epsilon),
                    "{}: epsilon must be a finite number of at least 1e-38, got {}", kind, epsilon);
}

}  // namespace

Adagrad::Adagrad(const AdagradOptions& o)
    : FormulaOptimizer("Adagrad", {"sum"}, o.learning_rate, o.weight_decay), options_(o) {
  check<ValueError>(o.rate_decay >= 0 && std::isfinite(o.rate_decay) &&
                        o.initial_accumulator >= 0 && std::isfinite(o.initial_accumulator),
                    "Adagrad: rate_decay and initial_accumulator must be finite, not negative, got "
                    "{} and {}",
                    o.rate_decay, o.initial_accumulator);
  check_epsilon("Adagrad", o.epsilon);
}

void Adagrad::move_part(const Part& part) const {
  HWY_DYNAMIC_DISPATCH(AdagradPart)(part, options_, static_cast<double>(step_));
}

Adadelta::Adadelta(const AdadeltaOptions& o)
    : FormulaOptimizer("Adadelta", {"square_avg", "acc_delta"}, o.learning_rate, o.weight_decay),
      options_(o) {
  check<ValueError>(o.rho >= 0 && o.rho < 1, "Adadelta: rho must be in [0, 1), got {}", o.rho);
  check_epsilon("Adadelta", o.epsilon);
}

void Adadelta::move_part(const Part& part) const {
  HWY_DYNAMIC_DISPATCH(AdadeltaPart)(part, options_);
}

}  // namespace attune::optim
#endif  // HWY_ONCE
