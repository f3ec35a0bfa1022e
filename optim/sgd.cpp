// Stochastic gradient descent, one pass over each parameter.

#include "attune/optim/sgd.h"

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/sgd.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/pack-inl.h"

#ifndef ATTUNE_SGD_STEP
#define ATTUNE_SGD_STEP
namespace attune::optim {
struct SgdStep {
  double rate, momentum, joining, decay;  // `joining`: what of the gradient joins the velocity
  bool nesterov;
};
}  // namespace attune::optim
#endif

// ---- Kernel ----

HWY_BEFORE_NAMESPACE();
namespace attune::optim::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using attune::HWY_NAMESPACE::lanes;
using attune::HWY_NAMESPACE::load;
using attune::HWY_NAMESPACE::load_first;
using attune::HWY_NAMESPACE::Pack;
using attune::HWY_NAMESPACE::store;
using attune::HWY_NAMESPACE::store_first;

// v may be null: no momentum.
template <class T>
void SgdKernel(T* p, const T* g, T* v, size_t size, const SgdStep& step) {
  const hn::ScalableTag<T> d;
  const Pack<T> rate = -step.rate, momentum = step.momentum, joining = step.joining;
  const Pack<T> decay = step.decay;
  const auto one = [&](size_t i, size_t n) HWY_ATTR {
    const Pack<T> x = load_first(n, p + i);
    Pack<T> direction = multiply_add(decay, x, load_first(n, g + i));
    if (v != nullptr) {
      Pack<T> velocity = multiply_add(momentum, load_first(n, v + i), joining * direction);
      // Velocities that fade away must not become denormal numbers; NaN stays, to be seen.
      velocity = hn::IfThenZeroElse(hn::Lt(hn::Abs(velocity.v), hn::Set(d, T(1e-30))), velocity.v);
      store_first(n, velocity, v + i);
      direction = step.nesterov ? multiply_add(momentum, velocity, direction) : velocity;
    }
    store_first(n, multiply_add(rate, direction, x), p + i);
  };
  const size_t width = lanes<T>();
  size_t i = 0;
  for (; i + width <= size; i += width) one(i, width);
  if (i < size) one(i, size - i);
}

void SgdF32(float* p, const float* g, float* v, size_t size, const SgdStep& step) {
  SgdKernel(p, g, v, size, step);
}
void SgdF64(double* p, const double* g, double* v, size_t size, const SgdStep& step) {
  SgdKernel(p, g, v, size, step);
}

}  // namespace attune::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Optimizer ----

#if HWY_ONCE
namespace attune::optim {

HWY_EXPORT(SgdF32);
HWY_EXPORT(SgdF64);

namespace {
constexpr const char* kVelocity[] = {"momentum_buffer"};

std::span<const char* const> slots_for(double momentum) {
  return std::span<const char* const>(kVelocity).first(momentum == 0 ? 0 : 1);
}
}  // namespace

SGD::SGD(const SGDOptions& options)
    : Optimizer("SGD", slots_for(options.momentum), options.learning_rate, options.weight_decay),
      momentum_(options.momentum),
      dampening_(options.dampening),
      nesterov_(options.nesterov) {
  check<ValueError>(momentum_ >= 0 && momentum_ < 1, "SGD: momentum must be in [0, 1), got {}",
                    momentum_);
  check<ValueError>(dampening_ >= 0 && dampening_ <= 1, "SGD: dampening must be in [0, 1], got {}",
                    dampening_);
  check<ValueError>(!nesterov_ || (momentum_ > 0 && dampening_ == 0),
                    "SGD: nesterov needs momentum and no dampening, got {} and {}", momentum_,
                    dampening_);
}

void SGD::apply(Tensor& parameter, const Tensor& grad, std::span<Tensor> state,
                const Rates& rates) {
  const SgdStep step{.rate = rates.learning_rate,
                     .momentum = momentum_,
                     .joining = steps() == 1 ? 1 : 1 - dampening_,
                     .decay = rates.weight_decay,
                     .nesterov = nesterov_};
  const auto run = [&]<class T>(T, auto kernel) {
    using internal::elements;
    T *p = elements<T>(parameter), *v = state.empty() ? nullptr : elements<T>(state[0]);
    const T* g = elements<T>(grad);
    internal::parallel_for(parameter.numel(), 2, [&](int64_t begin, int64_t end) {
      const auto n = static_cast<size_t>(end - begin);
      kernel(p + begin, g + begin, v == nullptr ? nullptr : v + begin, n, step);
    });
  };
  parameter.dtype() == DType::f32 ? run(float{}, HWY_DYNAMIC_DISPATCH(SgdF32))
                                  : run(double{}, HWY_DYNAMIC_DISPATCH(SgdF64));
}

}  // namespace attune::optim
#endif  // HWY_ONCE
