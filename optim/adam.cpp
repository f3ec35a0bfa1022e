#include "attune/optim/adam.h"

#include <cmath>

#include "attune/tensor/internal/check.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/adam.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/optim/internal/formula-inl.h"

HWY_BEFORE_NAMESPACE();
namespace attune::optim::HWY_NAMESPACE {
namespace {

template <class V>
struct AdamFormula {
  const Part& part;
  const AdamOptions& o;
  double correct1, correct2;  // 1 / (1 - beta^step)
  V rate = -part.learning_rate * correct1, correction2 = correct2, epsilon = o.epsilon;
  V beta1 = o.beta1, rest1 = 1 - o.beta1, beta2 = o.beta2, rest2 = 1 - o.beta2;

  HWY_INLINE V operator()(V p, V g, Slot<V>& mean, Slot<V>& square) const {
    mean = multiply_add(beta1, mean, rest1 * g);
    square = multiply_add(beta2, square, rest2 * g * g);
    return multiply_add(rate, mean / (sqrt(square * correction2) + epsilon), p);
  }
};

template <class V>
struct AmsgradFormula : AdamFormula<V> {
  HWY_INLINE V operator()(V p, V g, Slot<V>& mean, Slot<V>& square, Slot<V>& largest) const {
    mean = multiply_add(this->beta1, mean, this->rest1 * g);
    square = multiply_add(this->beta2, square, this->rest2 * g * g);
    largest = maximum(V(largest), V(square));
    return multiply_add(this->rate, mean / (sqrt(largest * this->correction2) + this->epsilon), p);
  }
};

void AdamPart(const Part& part, const AdamOptions& options, double correct1, double correct2) {
  options.amsgrad ? move_by<AmsgradFormula, 3>(part, options, correct1, correct2)
                  : move_by<AdamFormula, 2>(part, options, correct1, correct2);
}

}  // namespace
}  // namespace attune::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::optim {

HWY_EXPORT(AdamPart);

Adam::Adam(const AdamOptions& options) : Adam("Adam", options, Decay::coupled) {}

Adam::Adam(const char* kind, const AdamOptions& o, Decay decay)
    : FormulaOptimizer(kind,
                       o.amsgrad ? std::vector{"exp_avg", "exp_avg_sq", "max_exp_avg_sq"}
                                 : std::vector{"exp_avg", "exp_avg_sq"},
                       o.learning_rate, o.weight_decay, decay),
      options_(o) {
  check<ValueError>(o.beta1 >= 0 && o.beta1 < 1 && o.beta2 >= 0 && o.beta2 < 1,
                    "{}: beta1 and beta2 must be in [0, 1), got {} and {}", kind, o.beta1, o.beta2);
  check<ValueError>(o.epsilon >= 1e-38 && std::isfinite(o.epsilon),
                    "{}: epsilon must be a finite number of at least 1e-38, got {}", kind,
                    o.epsilon);
}

void Adam::begin_step(int64_t step) {
  correction1_ = 1 / (1 - std::pow(options_.beta1, static_cast<double>(step)));
  correction2_ = 1 / (1 - std::pow(options_.beta2, static_cast<double>(step)));
}

void Adam::move_part(const Part& part) const {
  HWY_DYNAMIC_DISPATCH(AdamPart)(part, options_, correction1_, correction2_);
}

}  // namespace attune::optim
#endif  // HWY_ONCE
