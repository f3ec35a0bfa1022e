// Layer normalization over the last axis, forward and backward in one pass over each row.

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/layer_norm.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/pack-inl.h"

// ---- Kernels ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

template <class T>
HWY_INLINE T TotalOf(Pack<T> x) {
  const hn::ScalableTag<T> d;
  return hn::GetLane(hn::SumOfLanes(d, x.v));
}

// The first n lanes of x, zeros behind them.
template <class T>
HWY_INLINE Pack<T> FirstOf(size_t n, Pack<T> x) {
  return hn::IfThenElseZero(hn::FirstN(hn::ScalableTag<T>(), n), x.v);
}

// Calls f(i, n): whole registers of n lanes, then what is left.
template <class T, class F>
HWY_INLINE void EachPack(size_t size, F&& f) {
  const size_t step = lanes<T>();
  size_t i = 0;
  for (; i + step <= size; i += step) f(i, step);
  if (i < size) f(i, size - i);
}

// One row: mean and 1 / sqrt(var + epsilon), and y = (x - mean) rstd w + b. w and b may be null.
template <class T>
void NormalizeRow(const T* HWY_RESTRICT x, const T* w, const T* b, T* HWY_RESTRICT y, size_t size,
                  double epsilon, T* mean, T* rstd) {
  Pack<T> sum = 0.0;
  EachPack<T>(size, [&](size_t i, size_t n) HWY_ATTR { sum = sum + load_first(n, x + i); });
  const T m = TotalOf(sum) / static_cast<T>(size);
  // From the differences, not from the squares: those cancel where the mean is large.
  Pack<T> squares = 0.0;
  EachPack<T>(size, [&](size_t i, size_t n) HWY_ATTR {
    const Pack<T> centred = FirstOf(n, load_first(n, x + i) - Pack<T>(m));
    squares = multiply_add(centred, centred, squares);
  });
  const T r = static_cast<T>(
      1 / std::sqrt(static_cast<double>(TotalOf(squares)) / static_cast<double>(size) + epsilon));
  EachPack<T>(size, [&](size_t i, size_t n) HWY_ATTR {
    Pack<T> z = (load_first(n, x + i) - Pack<T>(m)) * Pack<T>(r);
    if (w != nullptr) z = z * load_first(n, w + i);
    if (b != nullptr) z = z + load_first(n, b + i);
    store_first(n, z, y + i);
  });
  *mean = m;
  *rstd = r;
}

// dx of one row. With z the normalized x and g = dy w: dx = rstd (g - mean(g) - z mean(g z)).
template <class T>
void NormalizeRowBack(const T* HWY_RESTRICT x, const T* w, const T* dy, T* dx, size_t size, T mean,
                      T rstd) {
  Pack<T> sum_g = 0.0, sum_gz = 0.0;
  const auto g_and_z = [&](size_t i, size_t n, Pack<T>& g, Pack<T>& z) HWY_ATTR {
    g = load_first(n, dy + i);
    if (w != nullptr) g = g * load_first(n, w + i);
    z = (load_first(n, x + i) - Pack<T>(mean)) * Pack<T>(rstd);
  };
  EachPack<T>(size, [&](size_t i, size_t n) HWY_ATTR {
    Pack<T> g, z;
    g_and_z(i, n, g, z);
    sum_g = sum_g + g;
    sum_gz = multiply_add(g, z, sum_gz);  // lanes beyond n hold g = 0
  });
  const Pack<T> mean_g = TotalOf(sum_g) / static_cast<T>(size);
  const Pack<T> mean_gz = TotalOf(sum_gz) / static_cast<T>(size);
  EachPack<T>(size, [&](size_t i, size_t n) HWY_ATTR {
    Pack<T> g, z;
    g_and_z(i, n, g, z);
    store_first(n, Pack<T>(rstd) * (g - mean_g - z * mean_gz), dx + i);
  });
}

// dw += dy z and db += dy for the columns [begin, end) of all rows, top to bottom.
template <class T>
void NormalizeColumns(const T* x, const T* dy, const T* mean, const T* rstd, size_t rows,
                      size_t width, size_t begin, size_t end, T* HWY_RESTRICT dw,
                      T* HWY_RESTRICT db) {
  for (size_t row = 0; row < rows; ++row) {
    const T* xr = x + row * width + begin;
    const T* dr = dy + row * width + begin;
    EachPack<T>(end - begin, [&](size_t i, size_t n) HWY_ATTR {
      const Pack<T> z = (load_first(n, xr + i) - Pack<T>(mean[row])) * Pack<T>(rstd[row]);
      const Pack<T> d = load_first(n, dr + i);
      store_first(n, multiply_add(d, z, load_first(n, dw + begin + i)), dw + begin + i);
      store_first(n, load_first(n, db + begin + i) + d, db + begin + i);
    });
  }
}

void NormalizeRowF32(const float* x, const float* w, const float* b, float* y, size_t size,
                     double epsilon, float* mean, float* rstd) {
  NormalizeRow(x, w, b, y, size, epsilon, mean, rstd);
}
void NormalizeRowF64(const double* x, const double* w, const double* b, double* y, size_t size,
                     double epsilon, double* mean, double* rstd) {
  NormalizeRow(x, w, b, y, size, epsilon, mean, rstd);
}
void NormalizeRowBackF32(const float* x, const float* w, const float* dy, float* dx, size_t size,
                         float mean, float rstd) {
  NormalizeRowBack(x, w, dy, dx, size, mean, rstd);
}
void NormalizeRowBackF64(const double* x, const double* w, const double* dy, double* dx,
                         size_t size, double mean, double rstd) {
  NormalizeRowBack(x, w, dy, dx, size, mean, rstd);
}
void NormalizeColumnsF32(const float* x, const float* dy, const float* mean, const float* rstd,
                         size_t rows, size_t width, size_t begin, size_t end, float* dw,
                         float* db) {
  NormalizeColumns(x, dy, mean, rstd, rows, width, begin, end, dw, db);
}
void NormalizeColumnsF64(const double* x, const double* dy, const double* mean, const double* rstd,
                         size_t rows, size_t width, size_t begin, size_t end, double* dw,
                         double* db) {
  NormalizeColumns(x, dy, mean, rstd, rows, width, begin, end, dw, db);
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Op ----

#if HWY_ONCE
namespace attune {
namespace {

using namespace internal;

HWY_EXPORT(NormalizeRowF32);
HWY_EXPORT(NormalizeRowF64);
HWY_EXPORT(NormalizeRowBackF32);
HWY_EXPORT(NormalizeRowBackF64);
HWY_EXPORT(NormalizeColumnsF32);
HWY_EXPORT(NormalizeColumnsF64);

constexpr int64_t kColumns = 512;  // of one piece of the weight's gradient

template <class T>
T* elements_or_null(const Tensor& x) {
  return x.defined() ? elements<T>(x) : nullptr;
}

struct Saved {
  Tensor x, w, b;     // contiguous; w and b may be undefined
  Tensor mean, rstd;  // [rows]
  double epsilon;
};

// The three gradients made of ops, for gradients of gradients.
void gradient_by_ops(const Saved& s, const Tensor& dy, Gradients& grads) {
  const Tensor centred = s.x - s.x.mean(-1, keep_dims);
  const Tensor rstd = (centred.square().mean(-1, keep_dims) + s.epsilon).rsqrt();
  const Tensor z = centred * rstd;
  const int rows_axes = s.x.rank() - 1;
  const auto over_rows = [&](const Tensor& v) {
    return rows_axes == 0 ? v : v.flatten(0, rows_axes - 1).sum(0);
  };
  if (grads.wants(0)) {
    const Tensor g = s.w.defined() ? dy * s.w : dy;
    grads.add(0, rstd * (g - g.mean(-1, keep_dims) - z * (g * z).mean(-1, keep_dims)));
  }
  if (s.w.defined() && grads.wants(1)) grads.add(1, over_rows(dy * z));
  if (s.b.defined() && grads.wants(2)) grads.add(2, over_rows(dy));
}

template <class T>
void gradient_by_kernels(const Saved& s, const Tensor& given, Gradients& grads) {
  constexpr bool kSingle = sizeof(T) == sizeof(float);
  const Tensor dy = given.contiguous();
  const auto width = static_cast<size_t>(s.x.size(-1));
  const int64_t rows = s.mean.numel();
  const T *x = elements<T>(s.x), *w = elements_or_null<T>(s.w), *d = elements<T>(dy);
  const T *mean = elements<T>(s.mean), *rstd = elements<T>(s.rstd);

  if (const bool wants_w = s.w.defined() && grads.wants(1);
      wants_w || (s.b.defined() && grads.wants(2))) {
    const Tensor dw = Tensor::zeros({s.x.size(-1)}, s.x.dtype());
    const Tensor db = Tensor::zeros({s.x.size(-1)}, s.x.dtype());
    T *to_w = elements<T>(dw), *to_b = elements<T>(db);
    const int64_t pieces = (s.x.size(-1) + kColumns - 1) / kColumns;
    parallel_for(pieces, rows * kColumns, [&](int64_t first, int64_t last) {
      const auto begin = static_cast<size_t>(first * kColumns);
      const size_t end = std::min(static_cast<size_t>(last * kColumns), width);
      const auto n = static_cast<size_t>(rows);
      if constexpr (kSingle) {
        HWY_DYNAMIC_DISPATCH(NormalizeColumnsF32)
        (x, d, mean, rstd, n, width, begin, end, to_w, to_b);
      } else {
        HWY_DYNAMIC_DISPATCH(NormalizeColumnsF64)
        (x, d, mean, rstd, n, width, begin, end, to_w, to_b);
      }
    });
    if (wants_w) grads.add(1, dw);
    if (s.b.defined() && grads.wants(2)) grads.add(2, db);
  }
  if (!grads.wants(0)) return;
  Tensor dx = make_like(s.x);
  T* to_x = elements<T>(dx);
  parallel_for(rows, static_cast<int64_t>(width) * 4, [&](int64_t begin, int64_t end) {
    for (auto row = static_cast<size_t>(begin); row < static_cast<size_t>(end); ++row) {
      const size_t at = row * width;
      if constexpr (kSingle) {
        HWY_DYNAMIC_DISPATCH(NormalizeRowBackF32)
        (x + at, w, d + at, to_x + at, width, mean[row], rstd[row]);
      } else {
        HWY_DYNAMIC_DISPATCH(NormalizeRowBackF64)
        (x + at, w, d + at, to_x + at, width, mean[row], rstd[row]);
      }
    }
  });
  grads.add(0, std::move(dx));
}

void check_vector(const char* what, const Tensor& v, const Tensor& x) {
  if (!v.defined()) return;
  check<ShapeError>(v.shape() == Shape{x.size(-1)},
                    "layer_norm: {} must be [{}], as x is {}, but it is {}", what, x.size(-1),
                    x.shape(), v.shape());
  check<DTypeError>(v.dtype() == x.dtype(), "layer_norm: x is {} but {} is {}; cast one", x.dtype(),
                    what, v.dtype());
}

}  // namespace

Tensor layer_norm(const Tensor& input, const Tensor& weight, const Tensor& bias, double epsilon) {
  require_defined("layer_norm", input);
  check<ShapeError>(input.rank() > 0, "layer_norm: x must have an axis, got a 0-d tensor");
  check_vector("the weight", weight, input);
  check_vector("the bias", bias, input);
  return dispatch_floating("layer_norm", input.dtype(), [&]<class T>() {
    Saved s{input.contiguous(),
            weight.defined() ? weight.contiguous() : Tensor(),
            bias.defined() ? bias.contiguous() : Tensor(),
            Tensor(),
            Tensor(),
            epsilon};
    const int64_t width = s.x.size(-1);
    const int64_t rows = width == 0 ? 0 : s.x.numel() / width;
    s.mean = make({rows}, s.x.dtype());
    s.rstd = make({rows}, s.x.dtype());
    Tensor y = make_like(s.x);
    const T *x = elements<T>(s.x), *w = elements_or_null<T>(s.w), *b = elements_or_null<T>(s.b);
    T *to = elements<T>(y), *mean = elements<T>(s.mean), *rstd = elements<T>(s.rstd);
    parallel_for(rows, width * 4, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        const auto n = static_cast<size_t>(width);
        if constexpr (sizeof(T) == sizeof(float)) {
          HWY_DYNAMIC_DISPATCH(NormalizeRowF32)
          (x + row * width, w, b, to + row * width, n, epsilon, mean + row, rstd + row);
        } else {
          HWY_DYNAMIC_DISPATCH(NormalizeRowF64)
          (x + row * width, w, b, to + row * width, n, epsilon, mean + row, rstd + row);
        }
      }
    });
    if (tracks(input, weight, bias)) {
      record(y, {&input, &weight, &bias}, [s](const Tensor& dy, Gradients& grads) {
        if (recording()) {
          gradient_by_ops(s, dy, grads);
        } else {
          gradient_by_kernels<T>(s, dy, grads);
        }
      });
    }
    return y;
  });
}

}  // namespace attune
#endif  // HWY_ONCE
