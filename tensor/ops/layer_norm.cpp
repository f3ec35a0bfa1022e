// Layer normalization over the last axes, forward and backward in one pass over each row.

#include <algorithm>
#include <cmath>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/op.h"
#include "attune/base/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/layer_norm.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/pack-inl.h"

#ifndef ATTUNE_LAYER_NORM_ROW
#define ATTUNE_LAYER_NORM_ROW
namespace attune {
// What is kept of a row. The mean is mean + rest: rounded to one T, the mean of 1e6 and 1e6 + 1 in
// f32 may be off by more than the rows' deviations allow.
template <class T>
struct RowMoments {
  T mean, rest, rstd;  // rstd: 1 / sqrt(variance + epsilon)
};
}  // namespace attune
#endif

// ---- Kernels ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

// n lanes of (x - mean) rstd.
template <class T>
HWY_INLINE Pack<T> Normalized(size_t n, const T* x, const RowMoments<T>& m) {
  const hn::ScalableTag<T> d;
  const Pack<T> mean(hn::Set(d, m.mean)), rest(hn::Set(d, m.rest)), rstd(hn::Set(d, m.rstd));
  return ((load_some(n, x) - mean) - rest) * rstd;
}

// The moments of a row whose sums leave the range of T, in a wider type.
template <class T>
HWY_NOINLINE RowMoments<T> WideMoments(const T* x, int64_t size, double epsilon) {
  using Wide = std::conditional_t<sizeof(T) == sizeof(float), double, long double>;
  const Wide n = static_cast<Wide>(size);
  Wide mean = 0, squares = 0;
  for (int64_t i = 0; i < size; ++i) mean += static_cast<Wide>(x[i]) / n;
  for (int64_t i = 0; i < size; ++i) squares += (static_cast<Wide>(x[i]) - mean) * (x[i] - mean);
  const T rounded = static_cast<T>(mean);
  return {rounded, static_cast<T>(mean - static_cast<Wide>(rounded)),
          static_cast<T>(1 / std::sqrt(squares / n + static_cast<Wide>(epsilon)))};
}

template <class T>
HWY_INLINE RowMoments<T> MomentsOf(const T* HWY_RESTRICT x, int64_t size, double epsilon) {
  const auto count = static_cast<double>(size);
  Pack<T> sum;
  each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR { sum = sum + load_some(n, x + i); });
  const T mean = sum_of_lanes(sum) / static_cast<T>(size);
  // From the distances to that mean: their squares do not cancel where the mean is large, and their
  // own mean is what rounding took from it.
  const Pack<T> by(hn::Set(hn::ScalableTag<T>(), mean));
  Pack<T> distances, squares;
  each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
    const Pack<T> distance = first_or(n, load_some(n, x + i) - by, Pack<T>());
    distances = distances + distance;
    squares = multiply_add(distance, distance, squares);
  });
  const double rest = static_cast<double>(sum_of_lanes(distances)) / count;
  const double square = static_cast<double>(sum_of_lanes(squares)) / count;
  if (!std::isfinite(square)) return WideMoments(x, size, epsilon);
  const double variance = std::max(0.0, square - rest * rest);
  return {mean, static_cast<T>(rest), static_cast<T>(1 / std::sqrt(variance + epsilon))};
}

// y = (x - mean) rstd w + b for each row. w and b may be null.
template <class T>
void NormalizeRows(const T* HWY_RESTRICT x, const T* w, const T* b, T* HWY_RESTRICT y, int64_t rows,
                   int64_t size, double epsilon, RowMoments<T>* moments) {
  for (int64_t row = 0; row < rows; ++row, x += size, y += size) {
    const RowMoments<T> m = moments[row] = MomentsOf(x, size, epsilon);
    each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
      Pack<T> z = Normalized(n, x + i, m);
      if (w != nullptr) z = z * load_some(n, w + i);
      if (b != nullptr) z = z + load_some(n, b + i);
      store_some(n, z, y + i);
    });
  }
}

// dx of each row. With z the normalized x and g = dy w: dx = rstd (g - mean(g) - z mean(g z)).
template <class T>
void NormalizeRowsBack(const T* HWY_RESTRICT x, const T* w, const T* dy, T* dx, int64_t rows,
                       int64_t size, const RowMoments<T>* moments) {
  const hn::ScalableTag<T> d;
  for (int64_t row = 0; row < rows; ++row, x += size, dy += size, dx += size) {
    const RowMoments<T> m = moments[row];
    const auto g_at = [&](int64_t i, size_t n) HWY_ATTR {
      const Pack<T> g = load_some(n, dy + i);
      return w == nullptr ? g : g * load_some(n, w + i);
    };
    Pack<T> sum_g, sum_gz;
    each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
      const Pack<T> g = g_at(i, n);
      sum_g = sum_g + g;
      sum_gz = multiply_add(g, Normalized(n, x + i, m), sum_gz);  // lanes beyond n hold g = 0
    });
    const Pack<T> mean_g(hn::Set(d, sum_of_lanes(sum_g) / static_cast<T>(size)));
    const Pack<T> mean_gz(hn::Set(d, sum_of_lanes(sum_gz) / static_cast<T>(size)));
    const Pack<T> rstd(hn::Set(d, m.rstd));
    each_pack<T>(size, [&](int64_t i, size_t n) HWY_ATTR {
      const Pack<T> z = Normalized(n, x + i, m);
      store_some(n, rstd * (g_at(i, n) - mean_g - z * mean_gz), dx + i);
    });
  }
}

// dw += dy z and db += dy for the columns [begin, end) of all rows, top to bottom.
template <class T>
void NormalizeColumns(const T* x, const T* dy, const RowMoments<T>* moments, int64_t rows,
                      int64_t width, int64_t begin, int64_t end, T* HWY_RESTRICT dw,
                      T* HWY_RESTRICT db) {
  for (int64_t row = 0; row < rows; ++row) {
    const RowMoments<T> m = moments[row];
    const T *xr = x + row * width, *dr = dy + row * width;
    each_pack<T>(end - begin, [&](int64_t at, size_t n) HWY_ATTR {
      const int64_t i = begin + at;
      const Pack<T> g = load_some(n, dr + i);
      store_some(n, multiply_add(g, Normalized(n, xr + i, m), load_some(n, dw + i)), dw + i);
      store_some(n, load_some(n, db + i) + g, db + i);
    });
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

ATTUNE_KERNEL(normalize_rows, NormalizeRows)
ATTUNE_KERNEL(normalize_rows_back, NormalizeRowsBack)
ATTUNE_KERNEL(normalize_columns, NormalizeColumns)

constexpr int64_t kCost = 4;       // of one element, in elements of a cheap op
constexpr int64_t kColumns = 512;  // of one piece of the weight's gradient

template <class T>
T* elements_or_null(const Tensor& x) {
  return x.defined() ? elements<T>(x) : nullptr;
}

struct Saved {
  Tensor x, w, b;  // contiguous [rows, width] and [width]; w and b may be undefined
  Tensor moments;  // [rows, 3]: RowMoments
  double epsilon;
};

// The three gradients made of ops, for gradients of gradients.
void gradient_by_ops(const Saved& s, const Tensor& dy, Gradients& grads) {
  const Tensor first = s.x - s.x.mean(-1, keep_dims);
  const Tensor centred = first - first.mean(-1, keep_dims);  // once more, for what rounding left
  const Tensor rstd = (centred.square().mean(-1, keep_dims) + s.epsilon).rsqrt();
  const Tensor z = centred * rstd;
  if (grads.wants(0)) {
    const Tensor g = s.w.defined() ? dy * s.w : dy;
    grads.add(0, rstd * (g - g.mean(-1, keep_dims) - z * (g * z).mean(-1, keep_dims)));
  }
  if (grads.wants(1)) grads.add(1, (dy * z).sum(0));
  if (grads.wants(2)) grads.add(2, dy.sum(0));
}

template <class T>
void gradient_by_kernels(const Saved& s, const Tensor& given, Gradients& grads) {
  const Tensor dy = given.contiguous();
  const int64_t rows = s.x.size(0), width = s.x.size(1);
  const T *x = elements<T>(s.x), *w = elements_or_null<T>(s.w), *d = elements<T>(dy);
  const auto* moments = reinterpret_cast<const RowMoments<T>*>(elements<T>(s.moments));

  if (grads.wants(1) || grads.wants(2)) {
    Tensor dw = Tensor::zeros({width}, s.x.dtype()), db = Tensor::zeros({width}, s.x.dtype());
    const int64_t pieces = (width + kColumns - 1) / kColumns;
    parallel_for(pieces, rows * kColumns, [&](int64_t first, int64_t last) {
      normalize_columns<T>(x, d, moments, rows, width, first * kColumns,
                           std::min(last * kColumns, width), elements<T>(dw), elements<T>(db));
    });
    if (grads.wants(1)) grads.add(1, std::move(dw));
    if (grads.wants(2)) grads.add(2, std::move(db));
  }
  if (!grads.wants(0)) return;
  Tensor dx = make_like(s.x);
  parallel_for(rows, width * kCost, [&](int64_t begin, int64_t end) {
    const int64_t at = begin * width;
    normalize_rows_back<T>(x + at, w, d + at, elements<T>(dx) + at, end - begin, width,
                           moments + begin);
  });
  grads.add(0, std::move(dx));
}

// x [rows, width], contiguous; w and b [width] or undefined.
Tensor normalize(const Tensor& x, const Tensor& w, const Tensor& b, double epsilon) {
  const int64_t rows = x.size(0), width = x.size(1);
  Saved s{x, w, b, make({rows, 3}, x.dtype()), epsilon};
  Tensor y = make_like(x);
  dispatch_floating("layer_norm", x.dtype(), [&]<class T>() {
    auto* moments = reinterpret_cast<RowMoments<T>*>(elements<T>(s.moments));
    parallel_for(width == 0 ? 0 : rows, width * kCost, [&](int64_t begin, int64_t end) {
      const int64_t at = begin * width;
      normalize_rows<T>(elements<T>(x) + at, elements_or_null<T>(w), elements_or_null<T>(b),
                        elements<T>(y) + at, end - begin, width, epsilon, moments + begin);
    });
    if (tracks(x, w, b)) {
      record("layer_norm", y, {&x, &w, &b}, [s](const Tensor& dy, Gradients& grads) {
        if (recording()) {
          gradient_by_ops(s, dy, grads);
        } else {
          gradient_by_kernels<T>(s, dy, grads);
        }
      });
    }
  });
  return y;
}

}  // namespace

Tensor layer_norm(const Tensor& x, const Tensor& weight, const Tensor& bias, double epsilon,
                  int axes) {
  require_defined("layer_norm", x);
  const Shape shape = x.shape();
  check<ShapeError>(axes >= 1 && axes <= shape.rank(),
                    "layer_norm: cannot normalize over the last {} axes of {}", axes, shape);
  check<ValueError>(epsilon >= 0 && std::isfinite(epsilon),
                    "layer_norm: epsilon must be a number from 0 up, got {}", epsilon);
  Shape last;
  for (int axis = shape.rank() - axes; axis < shape.rank(); ++axis) last.push_back(shape[axis]);
  const int64_t width = last.numel(), rows = width == 0 ? 0 : x.numel() / width;
  const Types types = types_of("layer_norm", Takes::floating, x.dtype());
  const auto vector = [&](const char* what, const Tensor& v) {
    if (!v.defined()) return v;
    check<ShapeError>(v.shape() == last, "layer_norm: {} must be {}, as x is {}, but it is {}",
                      what, last, shape, v.shape());
    check<DTypeError>(v.dtype() == types.result || v.dtype() == x.dtype(),
                      "layer_norm: x is {} but {} is {}; cast one", x.dtype(), what, v.dtype());
    return into(v, types.computed).reshape({width}).contiguous();
  };
  const Tensor w = vector("the weight", weight), b = vector("the bias", bias);
  if (x.numel() == 0) return into(x, types.result);
  const Tensor flat = into(x, types.computed).reshape({rows, width}).contiguous();
  return into(normalize(flat, w, b, epsilon).reshape(shape), types.result);
}

}  // namespace attune
#endif  // HWY_ONCE
