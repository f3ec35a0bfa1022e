// cross_entropy: mean over rows of log(sum(exp(logits))) - logits[label]. The forward pass keeps
// (softmax - one_hot) / rows, which is the gradient but for the factor dy.

#include <cmath>
#include <limits>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tensor/ops/cross_entropy.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/math-inl.h"

// ---- Kernel ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

// g = softmax(row of z) * scale; returns log(sum(exp(z))). Shifted by the maximum: never overflows.
template <class T>
T ScaledSoftmax(const T* HWY_RESTRICT z, T* HWY_RESTRICT g, size_t n, T scale) {
  const hn::ScalableTag<T> d;
  const size_t step = lanes<T>();
  const auto lowest = hn::Set(d, -std::numeric_limits<T>::infinity());
  auto top = lowest;
  for (size_t i = 0; i < n; i += step) {
    const auto in = hn::FirstN(d, n - i);
    top = hn::Max(top, hn::IfThenElse(in, load_first(d, n - i, z + i), lowest));
  }
  const Pack<T> shift(hn::MaxOfLanes(d, top));
  auto sum = hn::Zero(d);
  for (size_t i = 0; i < n; i += step) {
    const auto in = hn::FirstN(d, n - i);
    const Pack<T> x = Pack<T>(load_first(d, n - i, z + i)) - shift;  // at most 0, or NaN
    const auto e = hn::IfThenElseZero(in, select(is_nan(x), x, exp_of_negative(x)).v);
    hn::BlendedStore(e, in, d, g + i);
    sum = hn::Add(sum, e);
  }
  const T total = hn::GetLane(hn::SumOfLanes(d, sum));
  const auto factor = hn::Set(d, scale / total);
  for (size_t i = 0; i < n; i += step) {
    const auto in = hn::FirstN(d, n - i);
    hn::BlendedStore(hn::Mul(load_first(d, n - i, g + i), factor), in, d, g + i);
  }
  return std::log(total) + hn::GetLane(shift.v);
}

template <class T, class I>
double Rows(const T* z, const I* label, T* g, int64_t rows, int64_t classes) {
  const T scale = T{1} / static_cast<T>(rows);
  double loss = 0;
  for (int64_t r = 0; r < rows; ++r, z += classes, g += classes) {
    const auto answer = static_cast<int64_t>(label[r]);
    const T log_sum = ScaledSoftmax(z, g, static_cast<size_t>(classes), scale);
    loss += static_cast<double>(log_sum - z[answer]);
    g[answer] -= scale;
  }
  return loss / static_cast<double>(rows);
}

double RowsF32I32(const float* z, const int32_t* t, float* g, int64_t r, int64_t c) {
  return Rows(z, t, g, r, c);
}
double RowsF32I64(const float* z, const int64_t* t, float* g, int64_t r, int64_t c) {
  return Rows(z, t, g, r, c);
}
double RowsF64I32(const double* z, const int32_t* t, double* g, int64_t r, int64_t c) {
  return Rows(z, t, g, r, c);
}
double RowsF64I64(const double* z, const int64_t* t, double* g, int64_t r, int64_t c) {
  return Rows(z, t, g, r, c);
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Op ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

HWY_EXPORT(RowsF32I32);
HWY_EXPORT(RowsF32I64);
HWY_EXPORT(RowsF64I32);
HWY_EXPORT(RowsF64I64);

double rows(const float* z, const int32_t* t, float* g, int64_t r, int64_t c) {
  return HWY_DYNAMIC_DISPATCH(RowsF32I32)(z, t, g, r, c);
}
double rows(const float* z, const int64_t* t, float* g, int64_t r, int64_t c) {
  return HWY_DYNAMIC_DISPATCH(RowsF32I64)(z, t, g, r, c);
}
double rows(const double* z, const int32_t* t, double* g, int64_t r, int64_t c) {
  return HWY_DYNAMIC_DISPATCH(RowsF64I32)(z, t, g, r, c);
}
double rows(const double* z, const int64_t* t, double* g, int64_t r, int64_t c) {
  return HWY_DYNAMIC_DISPATCH(RowsF64I64)(z, t, g, r, c);
}

template <class I>
void check_labels(const I* label, int64_t count, int64_t classes) {
  for (int64_t i = 0; i < count; ++i) {
    if (label[i] < 0 || label[i] >= classes) [[unlikely]] {
      fail<ValueError>("cross_entropy: label {} at row {} is not one of the {} classes 0 to {}",
                       label[i], i, classes, classes - 1);
    }
  }
}

}  // namespace

Tensor cross_entropy(const Tensor& logits_any, const Tensor& labels_any) {
  require_defined("cross_entropy", logits_any);
  require_defined("cross_entropy", labels_any);
  check<ShapeError>(
      logits_any.rank() == 2 && labels_any.rank() == 1 && logits_any.size(0) == labels_any.size(0),
      "cross_entropy: needs logits [batch, classes] and labels [batch], got {} and {}",
      logits_any.shape(), labels_any.shape());
  const Tensor z = logits_any.contiguous(), labels = labels_any.contiguous();
  const int64_t batch = z.size(0), classes = z.size(1);
  check<ShapeError>(batch > 0 && classes > 0, "cross_entropy: the batch is empty: {}", z.shape());
  const Tensor g = make_like(z);
  Tensor loss = make({}, z.dtype());
  dispatch_index("cross_entropy", labels.dtype(), [&]<class I>() {
    check_labels(elements<I>(labels), batch, classes);
    dispatch_floating("cross_entropy", z.dtype(), [&]<class T>() {
      *elements<T>(loss) =
          static_cast<T>(rows(elements<T>(z), elements<I>(labels), elements<T>(g), batch, classes));
    });
  });
  if (tracks(z)) {
    record(loss, {&z}, [z, labels, g](const Tensor& dy, Gradients& grads) {
      if (recording()) {
        const Tensor target = labels.one_hot(z.size(1)).cast(z.dtype());
        grads.add(0, dy * (z.softmax(-1) - target) / z.size(0));
        return;
      }
      const double factor = dy.dtype() == DType::f32 ? dy.item<float>() : dy.item<double>();
      grads.add(0, factor == 1 ? g : g * factor);
    });
  }
  return loss;
}

}  // namespace attune
#endif  // HWY_ONCE
