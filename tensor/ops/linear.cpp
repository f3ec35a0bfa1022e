// linear: y = activation(x w^T + b), the layer that small networks are made of. The bias and the
// activation ride on the product's last store; the gradient masks dy and sums its columns in one
// pass.

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/gemm.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/linear.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/pack-inl.h"

// ---- Kernels ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

// A panel of MaskAndSum, kVectors wide; a single vector may have only the first n lanes.
template <size_t kVectors, class T>
HWY_INLINE void MaskAndSumPanel(T* dy, const T* y, T* sums, int64_t rows, int64_t stride,
                                size_t n) {
  const size_t step = lanes<T>();
  const bool whole = kVectors > 1 || n == step;
  Pack<T> sum[kVectors];
  for (int64_t r = 0; r < rows; ++r, dy += stride) {
    for (size_t k = 0; k < kVectors; ++k) {
      T* at = dy + k * step;
      Pack<T> g = whole ? load(at) : load_some(n, at);
      if (y != nullptr) {
        const Pack<T> v = whole ? load(y + k * step) : load_some(n, y);
        g = select(v <= 0.0, Pack<T>(0.0), g);
        whole ? store(g, at) : store_some(n, g, at);
      }
      sum[k] = sum[k] + g;
    }
    if (y != nullptr) y += stride;
  }
  for (size_t k = 0; sums != nullptr && k < kVectors; ++k) {
    whole ? store(sum[k], sums + k * step) : store_some(n, sum[k], sums);
  }
}

// dy [rows, columns]: zeroed where y, if given, is 0 (not where it is NaN); sums [columns], if
// given, gets its column sums, added from the first row to the last.
template <class T>
void MaskAndSum(T* dy, const T* y, T* sums, int64_t rows, int64_t columns) {
  constexpr size_t kWide = 4;  // whole cache lines, so that none is fetched twice
  const auto step = static_cast<int64_t>(lanes<T>());
  for (int64_t c = 0; c < columns;) {
    const int64_t left = columns - c, width = left < 4 * step ? std::min(step, left) : 4 * step;
    const auto panel = width > step ? MaskAndSumPanel<kWide, T> : MaskAndSumPanel<1, T>;
    panel(dy + c, y == nullptr ? y : y + c, sums == nullptr ? sums : sums + c, rows, columns,
          static_cast<size_t>(width));
    c += width;
  }
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Op ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

ATTUNE_KERNEL(mask_and_sum, MaskAndSum)

// x [rows, in] and w [out, in] contiguous, y [rows, out].
template <class T>
void forward(const Tensor& x, const Tensor& w, const Tensor& b, Activation activation,
             const Tensor& y, int64_t rows) {
  const int64_t in = w.size(1), out = w.size(0);
  gemm(Gemm<T>{.m = rows,
               .n = out,
               .k = in,
               .a = elements<T>(x),
               .a_row = in,
               .a_column = 1,
               .b = elements<T>(w),
               .b_row = 1,
               .b_column = in,
               .c = elements<T>(y),
               .c_row = out,
               .column_bias = b.defined() ? elements<T>(b) : nullptr,
               .activation = activation});
}

template <class T>
void backward(const Tensor& x, const Tensor& w, const Tensor& y, const Tensor& dy, int64_t rows,
              Gradients& grads) {
  const int64_t in = w.size(1), out = w.size(0);
  Tensor db;
  if (grads.wants(2)) db = make({out}, dy.dtype());
  if (y.defined() || db.defined()) {
    mask_and_sum<T>(elements<T>(dy), y.defined() ? elements<T>(y) : nullptr,
                    db.defined() ? elements<T>(db) : nullptr, rows, out);
  }
  if (db.defined()) grads.add(2, std::move(db));
  if (grads.wants(1)) {
    Tensor dw = make_like(w);
    gemm(Gemm<T>{.m = out,
                 .n = in,
                 .k = rows,
                 .a = elements<T>(dy),
                 .a_row = 1,
                 .a_column = out,
                 .b = elements<T>(x),
                 .b_row = in,
                 .b_column = 1,
                 .c = elements<T>(dw),
                 .c_row = in});
    grads.add(1, std::move(dw));
  }
  if (grads.wants(0)) {
    Tensor dx = make_like(x);
    gemm(Gemm<T>{.m = rows,
                 .n = in,
                 .k = out,
                 .a = elements<T>(dy),
                 .a_row = out,
                 .a_column = 1,
                 .b = elements<T>(w),
                 .b_row = in,
                 .b_column = 1,
                 .c = elements<T>(dx),
                 .c_row = in});
    grads.add(0, std::move(dx));
  }
}

// The same in ops, for gradients of gradients.
void backward_in_ops(const Tensor& x, const Tensor& w, const Tensor& y, const Tensor& dy,
                     int64_t rows, Gradients& grads) {
  const Tensor masked = y.defined() ? dy.masked_fill(y.le(0), 0) : dy;
  const Tensor flat_dy = masked.reshape({rows, w.size(0)});
  if (grads.wants(0)) grads.add(0, masked.matmul(w));
  if (grads.wants(1)) grads.add(1, flat_dy.t().matmul(x.reshape({rows, w.size(1)})));
  if (grads.wants(2)) grads.add(2, flat_dy.sum(0));
}

}  // namespace

Tensor linear(const Tensor& x_any, const Tensor& w_any, const Tensor& b_any,
              Activation activation) {
  require_defined("linear", x_any);
  require_defined("linear", w_any);
  const DType dtype = x_any.dtype();
  check<DTypeError>(
      is_floating(dtype) && w_any.dtype() == dtype && (!b_any.defined() || b_any.dtype() == dtype),
      "linear: x, w and b must have one floating dtype, got {}, {} and {}", dtype, w_any.dtype(),
      b_any.defined() ? b_any.dtype() : dtype);
  check<ShapeError>(w_any.rank() == 2 && x_any.rank() >= 1 && x_any.size(-1) == w_any.size(1),
                    "linear: x {} does not fit w {}; the last axis of x must be w's second",
                    x_any.shape(), w_any.shape());
  check<ShapeError>(!b_any.defined() || (b_any.rank() == 1 && b_any.size(0) == w_any.size(0)),
                    "linear: b {} must be [{}], one element per row of w {}",
                    b_any.defined() ? b_any.shape() : Shape{}, w_any.size(0), w_any.shape());
  const Types types = types_of("linear", Takes::floating, dtype);
  if (types.computed != dtype) {
    const Tensor b = b_any.defined() ? into(b_any, types.computed) : Tensor();
    return linear(into(x_any, types.computed), into(w_any, types.computed), b, activation)
        .cast(types.result);
  }
  const Tensor x = x_any.contiguous(), w = w_any.contiguous();
  const Tensor b = b_any.defined() ? b_any.contiguous() : Tensor();

  Shape shape = x.shape();
  int64_t rows = 1;
  for (int axis = 0; axis + 1 < shape.rank(); ++axis) rows *= shape[axis];
  shape[shape.rank() - 1] = w.size(0);
  Tensor y = make(shape, dtype);
  dispatch_floating("linear", dtype, [&]<class T>() { forward<T>(x, w, b, activation, y, rows); });

  if (tracks(x, w, b)) {
    const bool relu = activation == Activation::relu;
    record("linear", y, {&x, &w, &b},
           [x, w, y = relu ? y : Tensor(), rows](Tensor dy, Gradients& grads) {
             if (recording()) return backward_in_ops(x, w, y, dy, rows, grads);
             dy = dy.contiguous();
             if (y.defined() && !sole_owner(dy)) dy = dy.clone();  // it is masked in place
             dispatch_floating("linear", x.dtype(),
                               [&]<class T>() { backward<T>(x, w, y, dy, rows, grads); });
           });
  }
  return y;
}

}  // namespace attune
#endif  // HWY_ONCE
