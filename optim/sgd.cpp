#include "attune/optim/sgd.h"

#include "attune/tensor/internal/check.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/sgd.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/optim/internal/formula-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::optim::HWY_NAMESPACE {
namespace {

template <class V>
struct Descent {
  const Part& part;
  V rate = -part.learning_rate;

  HWY_INLINE V operator()(V p, V g) const { return multiply_add(rate, g, p); }
};

template <class V>
struct MomentumDescent {
  const Part& part;
  const SGDOptions& o;
  bool first, nesterov = o.nesterov;
  V rate = -part.learning_rate, momentum = o.momentum;
  V joining = first ? 1 : 1 - o.dampening;  // the share of the gradient that joins the velocity

  HWY_INLINE V operator()(V p, V g, Slot<V>& velocity) const {
    velocity = multiply_add(momentum, velocity, joining * g);
    return multiply_add(rate, nesterov ? multiply_add(momentum, velocity, g) : V(velocity), p);
  }
};

void SgdPart(const Part& part, const SGDOptions& options, bool first) {
  options.momentum == 0 ? move_by<Descent, 0>(part)
                        : move_by<MomentumDescent, 1>(part, options, first);
}

}  // namespace
}  // namespace attune::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::optim {

HWY_EXPORT(SgdPart);

SGD::SGD(const SGDOptions& o)
    : FormulaOptimizer(
          "SGD", o.momentum == 0 ? std::vector<const char*>{} : std::vector{"momentum_buffer"},
          o.learning_rate, o.weight_decay),
      options_(o) {
  check<ValueError>(o.momentum >= 0 && o.momentum < 1, "SGD: momentum must be in [0, 1), got {}",
                    o.momentum);
  check<ValueError>(o.dampening >= 0 && o.dampening <= 1,
                    "SGD: dampening must be in [0, 1], got {}", o.dampening);
  check<ValueError>(!o.nesterov || (o.momentum > 0 && o.dampening == 0),
                    "SGD: nesterov needs momentum and no dampening, got {} and {}", o.momentum,
                    o.dampening);
}

void SGD::move_part(const Part& part) const {
  HWY_DYNAMIC_DISPATCH(SgdPart)(part, options_, first_);
}

}  // namespace attune::optim
#endif  // HWY_ONCE
