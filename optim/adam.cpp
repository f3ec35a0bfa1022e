// Adam, one pass over each parameter: moments, corrections and step together.

#include "attune/optim/adam.h"

#include <cmath>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/block.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "optim/adam.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/pack-inl.h"

#ifndef ATTUNE_ADAM_STEP
#define ATTUNE_ADAM_STEP
namespace attune::optim {
struct AdamStep {
  double beta1, beta2, epsilon;
  double rate;         // learning rate / (1 - beta1^t)
  double correction2;  // 1 / (1 - beta2^t)
  double shrink;       // the parameter is multiplied by it first: decoupled weight decay
  double decay;        // times the parameter, added to the gradient
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

// 0 where |x| < 1e-30, so that moments which fade away never become denormal numbers, which take
// the processor 80 times as long. NaN stays, to be seen.
template <class T>
HWY_INLINE Pack<T> Flushed(Pack<T> x) {
  const hn::ScalableTag<T> d;
  return hn::IfThenZeroElse(hn::Lt(hn::Abs(x.v), hn::Set(d, T(1e-30))), x.v);
}

// kDecay: weight decay of either kind; without, its two instructions are left out. The pointers
// are not "restrict": large blocks lie at equal places of their pages, where a load right behind a
// store to another array waits for it, so all loads of a round have to stay in front of its stores.
template <bool kDecay, class T>
void AdamPass(T* p, const T* g, T* m, T* v, size_t size, const AdamStep& step) {
  const Pack<T> beta1 = step.beta1, rest1 = 1 - step.beta1;
  const Pack<T> beta2 = step.beta2, rest2 = 1 - step.beta2;
  const Pack<T> rate = -step.rate, correction2 = step.correction2, epsilon = step.epsilon;
  const Pack<T> shrink = step.shrink, decay = step.decay;
  const auto one = [&](Pack<T> x, Pack<T> dx, Pack<T>& mean, Pack<T>& square) HWY_ATTR {
    if constexpr (kDecay) {
      dx = multiply_add(decay, x, dx);
      x = x * shrink;
    }
    mean = Flushed(multiply_add(beta1, mean, rest1 * dx));
    square = Flushed(multiply_add(beta2, square, rest2 * dx * dx));
    return multiply_add(rate, mean / (sqrt(square * correction2) + epsilon), x);
  };
  const size_t width = lanes<T>();
  size_t i = 0;
  for (; i + width <= size; i += width) {
    Pack<T> mean = load(m + i), square = load(v + i);
    const Pack<T> moved = one(load(p + i), load(g + i), mean, square);
    store(mean, m + i);
    store(square, v + i);
    store(moved, p + i);
  }
  if (i < size) {
    const size_t n = size - i;
    Pack<T> mean = load_first(n, m + i), square = load_first(n, v + i);
    const Pack<T> moved = one(load_first(n, p + i), load_first(n, g + i), mean, square);
    store_first(n, mean, m + i);
    store_first(n, square, v + i);
    store_first(n, moved, p + i);
  }
}

template <class T>
void AdamKernel(T* p, const T* g, T* m, T* v, size_t size, const AdamStep& step) {
  const bool plain = step.shrink == 1 && step.decay == 0;
  plain ? AdamPass<false>(p, g, m, v, size, step) : AdamPass<true>(p, g, m, v, size, step);
}

void AdamF32(float* p, const float* g, float* m, float* v, size_t size, const AdamStep& step) {
  AdamKernel(p, g, m, v, size, step);
}
void AdamF64(double* p, const double* g, double* m, double* v, size_t size, const AdamStep& step) {
  AdamKernel(p, g, m, v, size, step);
}

}  // namespace attune::optim::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Optimizer ----

#if HWY_ONCE
namespace attune::optim {

HWY_EXPORT(AdamF32);
HWY_EXPORT(AdamF64);

namespace {
constexpr const char* kMoments[] = {"exp_avg", "exp_avg_sq"};
}

Adam::Adam(const AdamOptions& options) : Adam("Adam", options, Decay::in_gradient) {}

Adam::Adam(const char* kind, const AdamOptions& options, Decay decay)
    : Optimizer(kind, kMoments, options.learning_rate, options.weight_decay),
      beta1_(options.beta1),
      beta2_(options.beta2),
      epsilon_(options.epsilon),
      decay_(decay) {
  check<ValueError>(beta1_ >= 0 && beta1_ < 1 && beta2_ >= 0 && beta2_ < 1,
                    "{}: beta1 and beta2 must be in [0, 1), got {} and {}", kind, beta1_, beta2_);
  check<ValueError>(epsilon_ > 0, "{}: epsilon must be positive, got {}", kind, epsilon_);
}

void Adam::begin_step() {
  const auto t = static_cast<double>(steps());
  correction1_ = 1 / (1 - std::pow(beta1_, t));
  correction2_ = 1 / (1 - std::pow(beta2_, t));
}

void Adam::apply(Tensor& parameter, const Tensor& grad, std::span<Tensor> state,
                 const Rates& rates) {
  const bool decoupled = decay_ == Decay::decoupled;
  const AdamStep step{.beta1 = beta1_,
                      .beta2 = beta2_,
                      .epsilon = epsilon_,
                      .rate = rates.learning_rate * correction1_,
                      .correction2 = correction2_,
                      .shrink = decoupled ? 1 - rates.learning_rate * rates.weight_decay : 1,
                      .decay = decoupled ? 0 : rates.weight_decay};
  const auto run = [&]<class T>(T, auto kernel) {
    using internal::elements;
    T *p = elements<T>(parameter), *m = elements<T>(state[0]), *v = elements<T>(state[1]);
    const T* g = elements<T>(grad);
    internal::parallel_for(parameter.numel(), 4, [&](int64_t begin, int64_t end) {
      const auto n = static_cast<size_t>(end - begin);
      kernel(p + begin, g + begin, m + begin, v + begin, n, step);
    });
  };
  parameter.dtype() == DType::f32 ? run(float{}, HWY_DYNAMIC_DISPATCH(AdamF32))
                                  : run(double{}, HWY_DYNAMIC_DISPATCH(AdamF64));
}

}  // namespace attune::optim
#endif  // HWY_ONCE
