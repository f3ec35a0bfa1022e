#include "attune/optim/rmsprop.h"

#include <cmath>

#include "attune/tensor/internal/check.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/rmsprop.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/optim/internal/formula-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::optim::HWY_NAMESPACE {
namespace {

// What all forms share: the gradient over the root of its mean square, or of its variance.
template <class V>
struct Root {
  const Part& part;
  const RMSpropOptions& o;
  V alpha = o.alpha, rest = 1 - o.alpha, epsilon = o.epsilon, momentum = o.momentum;
  V rate = -part.learning_rate;

  HWY_INLINE V scaled(V g, Slot<V>& square) const {
    square = multiply_add(alpha, square, rest * g * g);
    return g / (sqrt(square) + epsilon);
  }
  HWY_INLINE V scaled(V g, Slot<V>& square, Slot<V>& mean) const {
    square = multiply_add(alpha, square, rest * g * g);
    mean = multiply_add(alpha, mean, rest * g);
    // Rounding may leave less than 0.
    return g / (sqrt(maximum(square - mean * mean, V(0.0))) + epsilon);
  }
  HWY_INLINE V moved(V p, V step, Slot<V>& buffer) const {
    buffer = multiply_add(momentum, buffer, step);
    return multiply_add(rate, buffer, p);
  }
};

template <class V>
struct Plain : Root<V> {
  HWY_INLINE V operator()(V p, V g, Slot<V>& square) const {
    return multiply_add(this->rate, this->scaled(g, square), p);
  }
};
template <class V>
struct Centered : Root<V> {
  HWY_INLINE V operator()(V p, V g, Slot<V>& square, Slot<V>& mean) const {
    return multiply_add(this->rate, this->scaled(g, square, mean), p);
  }
};
template <class V>
struct WithMomentum : Root<V> {
  HWY_INLINE V operator()(V p, V g, Slot<V>& square, Slot<V>& buffer) const {
    return this->moved(p, this->scaled(g, square), buffer);
  }
};
template <class V>
struct CenteredWithMomentum : Root<V> {
  HWY_INLINE V operator()(V p, V g, Slot<V>& square, Slot<V>& buffer, Slot<V>& mean) const {
    return this->moved(p, this->scaled(g, square, mean), buffer);
  }
};

void RmspropPart(const Part& part, const RMSpropOptions& o) {
  if (o.momentum > 0) {
    o.centered ? move_by<CenteredWithMomentum, 3>(part, o) : move_by<WithMomentum, 2>(part, o);
  } else {
    o.centered ? move_by<Centered, 2>(part, o) : move_by<Plain, 1>(part, o);
  }
}

}  // namespace
}  // namespace attune::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::optim {
namespace {

HWY_EXPORT(RmspropPart);

std::vector<const char*> slots_of(const RMSpropOptions& o) {
  std::vector<const char*> slots{"square_avg"};
  if (o.momentum > 0) slots.push_back("momentum_buffer");
  if (o.centered) slots.push_back("grad_avg");
  return slots;
}

}  // namespace

RMSprop::RMSprop(const RMSpropOptions& o)
    : FormulaOptimizer("RMSprop", slots_of(o), o.learning_rate, o.weight_decay), options_(o) {
  check<ValueError>(o.alpha >= 0 && o.alpha < 1 && o.momentum >= 0 && o.momentum < 1,
                    "RMSprop: alpha and momentum must be in [0, 1), got {} and {}", o.alpha,
                    o.momentum);
  check<ValueError>(o.epsilon >= 1e-38 && std::isfinite(o.epsilon),
                    "RMSprop: epsilon must be a finite number of at least 1e-38, got {}",
                    o.epsilon);
}

void RMSprop::move_part(const Part& part) const {
  HWY_DYNAMIC_DISPATCH(RmspropPart)(part, options_);
}

}  // namespace attune::optim
#endif  // HWY_ONCE
