#include "attune/optim/lion.h"

#include "attune/tensor/internal/check.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/lion.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/optim/internal/formula-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::optim::HWY_NAMESPACE {
namespace {

template <class V>
struct LionFormula {
  const Part& part;
  const LionOptions& o;
  V rate = -part.learning_rate;
  V beta1 = o.beta1, rest1 = 1 - o.beta1, beta2 = o.beta2, rest2 = 1 - o.beta2;

  HWY_INLINE V operator()(V p, V g, Slot<V>& mean) const {
    const V mixed = multiply_add(beta1, mean, rest1 * g);
    const V direction = select(is_nan(mixed), mixed, sign(mixed));
    mean = multiply_add(beta2, mean, rest2 * g);
    return multiply_add(rate, direction, p);
  }
};

void LionPart(const Part& part, const LionOptions& options) {
  move_by<LionFormula, 1>(part, options);
}

}  // namespace
}  // namespace attune::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::optim {

HWY_EXPORT(LionPart);

Lion::Lion(const LionOptions& o)
    : FormulaOptimizer("Lion", {"exp_avg"}, o.learning_rate, o.weight_decay, Decay::decoupled),
      options_(o) {
  check<ValueError>(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1,
                    "Lion: beta1 and beta2 must be in [0, 1), got {} and {}", o.beta1, o.beta2);
}

void Lion::move_part(const Part& part) const { HWY_DYNAMIC_DISPATCH(LionPart)(part, options_); }

}  // namespace attune::optim
#endif  // HWY_ONCE
