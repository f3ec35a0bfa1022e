// mse, bce_with_logits: the mean over all elements of a function of prediction and target, in one
// pass. To add one: write its formula, name it in PAIR_LOSSES, declare it in tensor.h, and give it
// a row in tests/tensor/loss_test.cpp.

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/formula.h"
#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/loss.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/math-inl.h"

#ifndef ATTUNE_PAIR_LOSSES
#define ATTUNE_PAIR_LOSSES
#define PAIR_LOSSES(X) \
  X(mse, Mse)          \
  X(bce_with_logits, BceWithLogits)

namespace attune {
enum class PairLoss : uint8_t {
#define ENUMERATOR(name, F) k##F,
  PAIR_LOSSES(ENUMERATOR)
#undef ENUMERATOR
};
}  // namespace attune
#endif

// ---- Formulas and kernels ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

// The slopes take Packs in the kernel, and Tensors where a gradient is itself recorded.
struct Mse {
  template <class V>
  static V value(V x, V t) {
    return square(x - t);
  }
  template <class V>
  static V slope_x(const V& x, const V& t) {
    return 2.0 * (x - t);
  }
  template <class V>
  static V slope_t(const V& x, const V& t) {
    return 2.0 * (t - x);
  }
};
struct BceWithLogits {  // -t log s(x) - (1 - t) log(1 - s(x)) without ever computing s(x)
  template <class V>
  static V value(V x, V t) {
    return maximum(x, 0.0) - x * t + log1p(exp(-abs(x)));
  }
  template <class V>
  static V slope_x(const V& x, const V& t) {
    return sigmoid(x) - t;
  }
  template <class V>
  static V slope_t(const V& x, const V&) {
    return -x;
  }
};

// The sum over a piece, in four running sums.
template <class F, class T>
double SumOf(const T* x, const T* t, size_t size) {
  const hn::ScalableTag<T> d;
  const size_t step = lanes<T>();
  Pack<T> sums[4];
  size_t i = 0;
  for (; i + 4 * step <= size; i += 4 * step) {
    for (size_t k = 0; k < 4; ++k) {
      sums[k] = sums[k] + F::value(load(x + i + k * step), load(t + i + k * step));
    }
  }
  for (; i + step <= size; i += step) sums[0] = sums[0] + F::value(load(x + i), load(t + i));
  if (i < size) {
    const size_t n = size - i;
    const Pack<T> rest = F::value(load_first(n, x + i), load_first(n, t + i));
    sums[1] = sums[1] + Pack<T>(hn::IfThenElseZero(hn::FirstN(d, n), rest.v));
  }
  const Pack<T> sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  return static_cast<double>(hn::GetLane(hn::SumOfLanes(d, sum.v)));
}

// dx and dt, where not null: scale times the slopes.
template <class F, class T>
void SlopesOf(const T* x, const T* t, double scale, T* dx, T* dt, size_t size) {
  const Pack<T> by = scale;
  const size_t step = lanes<T>();
  size_t i = 0;
  for (; i + step <= size; i += step) {
    const Pack<T> a = load(x + i), b = load(t + i);
    if (dx != nullptr) store(by * F::slope_x(a, b), dx + i);
    if (dt != nullptr) store(by * F::slope_t(a, b), dt + i);
  }
  if (i < size) {
    const size_t n = size - i;
    const Pack<T> a = load_first(n, x + i), b = load_first(n, t + i);
    if (dx != nullptr) store_first(n, by * F::slope_x(a, b), dx + i);
    if (dt != nullptr) store_first(n, by * F::slope_t(a, b), dt + i);
  }
}

template <class T>
double LossSum(PairLoss loss, const T* x, const T* t, size_t n) {
  switch (loss) {
#define CASE(name, F) \
  case PairLoss::k##F: return SumOf<F>(x, t, n);
    PAIR_LOSSES(CASE)
#undef CASE
  }
  return 0;
}

template <class T>
void LossSlopes(PairLoss loss, const T* x, const T* t, double scale, T* dx, T* dt, size_t n) {
  switch (loss) {
#define CASE(name, F) \
  case PairLoss::k##F: return SlopesOf<F>(x, t, scale, dx, dt, n);
    PAIR_LOSSES(CASE)
#undef CASE
  }
}

double LossSumF32(PairLoss loss, const float* x, const float* t, size_t n) {
  return LossSum(loss, x, t, n);
}
double LossSumF64(PairLoss loss, const double* x, const double* t, size_t n) {
  return LossSum(loss, x, t, n);
}
void LossSlopesF32(PairLoss loss, const float* x, const float* t, double scale, float* dx,
                   float* dt, size_t n) {
  LossSlopes(loss, x, t, scale, dx, dt, n);
}
void LossSlopesF64(PairLoss loss, const double* x, const double* t, double scale, double* dx,
                   double* dt, size_t n) {
  LossSlopes(loss, x, t, scale, dx, dt, n);
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

HWY_EXPORT(LossSumF32);
HWY_EXPORT(LossSumF64);
HWY_EXPORT(LossSlopesF32);
HWY_EXPORT(LossSlopesF64);

constexpr int64_t kPiece = 4096;  // elements summed in T; the pieces' sums are added in double

template <class T>
double sum_of(PairLoss loss, const T* x, const T* t, int64_t n) {
  const auto kernel = [] {
    if constexpr (std::is_same_v<T, float>) {
      return HWY_DYNAMIC_DISPATCH(LossSumF32);
    } else {
      return HWY_DYNAMIC_DISPATCH(LossSumF64);
    }
  }();
  if (n <= kPiece) return kernel(loss, x, t, static_cast<size_t>(n));
  std::vector<double> sums(static_cast<size_t>((n + kPiece - 1) / kPiece));
  parallel_for(static_cast<int64_t>(sums.size()), kPiece, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t from = i * kPiece, size = std::min(kPiece, n - from);
      sums[static_cast<size_t>(i)] = kernel(loss, x + from, t + from, static_cast<size_t>(size));
    }
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

// The gradients made of ops, for the gradient of a gradient.
void gradients_of_ops(PairLoss loss, const Tensor& x, const Tensor& t, const Tensor& scale,
                      Gradients& grads) {
  switch (loss) {
#define CASE(name, F)                                                                 \
  case PairLoss::k##F:                                                                \
    if (grads.wants(0)) grads.add(0, scale* HWY_NAMESPACE::F::slope_x<Tensor>(x, t)); \
    if (grads.wants(1)) grads.add(1, scale* HWY_NAMESPACE::F::slope_t<Tensor>(x, t)); \
    break;
    PAIR_LOSSES(CASE)
#undef CASE
  }
}

void give_gradients(PairLoss loss, const Tensor& x, const Tensor& t, const Tensor& dy,
                    Gradients& grads) {
  const auto n = static_cast<double>(x.numel());
  if (recording()) return gradients_of_ops(loss, x, t, dy / n, grads);
  Tensor dx = grads.wants(0) ? make_like(x) : Tensor();
  Tensor dt = grads.wants(1) ? make_like(t) : Tensor();
  dispatch_floating("loss", x.dtype(), [&]<class T>() {
    const double scale = static_cast<double>(dy.item<T>()) / n;
    parallel_for(x.numel(), 4, [&](int64_t begin, int64_t end) {
      const auto at = [&](const Tensor& y) {
        return y.defined() ? elements<T>(y) + begin : nullptr;
      };
      const auto size = static_cast<size_t>(end - begin);
      if constexpr (std::is_same_v<T, float>) {
        HWY_DYNAMIC_DISPATCH(LossSlopesF32)(loss, at(x), at(t), scale, at(dx), at(dt), size);
      } else {
        HWY_DYNAMIC_DISPATCH(LossSlopesF64)(loss, at(x), at(t), scale, at(dx), at(dt), size);
      }
    });
  });
  if (dx.defined()) grads.add(0, std::move(dx));
  if (dt.defined()) grads.add(1, std::move(dt));
}

Tensor pair_loss(const char* name, PairLoss loss, const Tensor& prediction, const Tensor& target) {
  require_defined(name, prediction);
  require_defined(name, target);
  check<ShapeError>(same_shape(prediction, target),
                    "{}: prediction and target must have one shape, got {} and {}; reshape or "
                    "expand one of them",
                    name, prediction.shape(), target.shape());
  check<DTypeError>(is_floating(prediction.dtype()),
                    "{}: the prediction must be f32 or f64, got {}; cast it first", name,
                    prediction.dtype());
  const DType dtype = promote(prediction.dtype(), target.dtype());
  const Tensor x = prediction.cast(dtype).contiguous(), t = target.cast(dtype).contiguous();
  const double mean = dispatch_floating(name, dtype, [&]<class T>() {
    return sum_of(loss, elements<T>(x), elements<T>(t), x.numel()) / static_cast<double>(x.numel());
  });
  Tensor y = make_scalar(mean, dtype);
  if (tracks(x, t)) {
    record(y, {&x, &t}, [loss, x, t](const Tensor& dy, Gradients& grads) {
      give_gradients(loss, x, t, dy, grads);
    });
  }
  return y;
}

}  // namespace

#define FUNCTION(name, F)                                        \
  Tensor name(const Tensor& prediction, const Tensor& target) {  \
    return pair_loss(#name, PairLoss::k##F, prediction, target); \
  }
PAIR_LOSSES(FUNCTION)
#undef FUNCTION

}  // namespace attune
#endif  // HWY_ONCE
