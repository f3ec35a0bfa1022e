// sum, mean, max, min, prod, any, all: many elements become one.
//
// Every reduction is brought to the form x [outer, n, inner] -> y [outer, inner] with contiguous x.
// Where inner is 1 a kernel runs along rows, else down columns, a few vectors of them at a time.
// Long lines are cut into pieces of fixed size, whose results are reduced again: that is what
// threads share, it bounds the rounding error, and it does not depend on how many threads there
// are.

#include "attune/tensor/internal/reduce.h"

#include <algorithm>
#include <limits>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/parallel.h"
#include "attune/tensor/internal/record.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/ops/reduce.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/pack-inl.h"

// ---- Kernels ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

// What to make of an element, how two results join (V: a Pack, or one number), and the result of
// nothing.
struct Sum {
  static constexpr double kStart = 0;
  template <class V>
  static HWY_INLINE V map(V x) {
    return x;
  }
  template <class V>
  static HWY_INLINE V join(V a, V b) {
    return a + b;
  }
};
struct SumOfSquares : Sum {
  template <class V>
  static HWY_INLINE V map(V x) {
    return x * x;
  }
};
struct Prod {
  static constexpr double kStart = 1;
  template <class V>
  static HWY_INLINE V map(V x) {
    return x;
  }
  template <class V>
  static HWY_INLINE V join(V a, V b) {
    return a * b;
  }
};
struct Max {
  static constexpr double kStart = -std::numeric_limits<double>::infinity();
  template <class V>
  static HWY_INLINE V map(V x) {
    return x;
  }
  template <class T>
  static HWY_INLINE Pack<T> join(Pack<T> a, Pack<T> b) {
    return maximum(a, b);
  }
  template <class T>
  static HWY_INLINE T join(T a, T b) {
    return a > b || a != a ? a : b;
  }
};
struct Min {
  static constexpr double kStart = std::numeric_limits<double>::infinity();
  template <class V>
  static HWY_INLINE V map(V x) {
    return x;
  }
  template <class T>
  static HWY_INLINE Pack<T> join(Pack<T> a, Pack<T> b) {
    return minimum(a, b);
  }
  template <class T>
  static HWY_INLINE T join(T a, T b) {
    return a < b || a != a ? a : b;
  }
};

// The lanes of a vector joined into one.
template <class F, class T>
HWY_INLINE T Fold(Pack<T> x) {
  const hn::ScalableTag<T> d;
  if constexpr (std::is_base_of_v<Sum, F>) {
    return hn::GetLane(hn::SumOfLanes(d, x.v));
  } else {
    HWY_ALIGN T lane[hn::MaxLanes(d)];
    hn::Store(x.v, d, lane);
    for (size_t half = hn::Lanes(d) / 2; half > 0; half /= 2) {
      for (size_t i = 0; i < half; ++i) lane[i] = F::join(lane[i], lane[i + half]);
    }
    return lane[0];
  }
}

// The first n lanes from x, in the others what changes nothing.
template <class F, class T>
HWY_INLINE Pack<T> LoadFirstOrStart(size_t n, const T* x) {
  const hn::ScalableTag<T> d;
  return hn::IfThenElse(hn::FirstN(d, n), load_first(d, n, x), Pack<T>(F::kStart).v);
}

// One row of n elements: blocks of up to 1024 in four vectors, the blocks' results joined in pairs,
// so that the rounding error grows with the logarithm of n. Short vectors take short blocks.
template <class F, class T>
T ReduceRow(const T* x, size_t n) {
  const size_t block = std::min<size_t>(1024, 128 * lanes<T>());
  if (n > block) {
    const size_t half = block * ((n / block + 1) / 2);
    const T first = ReduceRow<F>(x, half);
    return F::join(first, ReduceRow<F>(x + half, n - half));
  }
  const size_t step = lanes<T>();
  if (n <= step) return Fold<F>(F::map(LoadFirstOrStart<F>(n, x)));
  Pack<T> a = F::kStart, b = F::kStart, c = F::kStart, d = F::kStart;
  size_t i = 0;
  for (; i + 4 * step <= n; i += 4 * step) {
    a = F::join(a, F::map(load(x + i)));
    b = F::join(b, F::map(load(x + i + step)));
    c = F::join(c, F::map(load(x + i + 2 * step)));
    d = F::join(d, F::map(load(x + i + 3 * step)));
  }
  for (; i + step <= n; i += step) a = F::join(a, F::map(load(x + i)));
  if (i < n) b = F::join(b, F::map(LoadFirstOrStart<F>(n - i, x + i)));
  return Fold<F>(F::join(F::join(a, b), F::join(c, d)));
}

// y[0 … columns) = x[0][…], x[1][…] … joined: n rows, `stride` apart. As above, at most kBlock rows
// are joined one after the other. kVectors full vectors of columns, or (1) the last few.
template <class F, size_t kVectors, class T>
void ReduceColumnGroup(const T* x, size_t n, size_t stride, size_t columns, T* y) {
  constexpr size_t kBlock = 128;
  const size_t step = lanes<T>();
  if (n > kBlock) {
    const size_t half = kBlock * ((n / kBlock + 1) / 2);
    HWY_ALIGN T rest[kVectors * hn::MaxLanes(hn::ScalableTag<T>())];
    ReduceColumnGroup<F, kVectors>(x, half, stride, columns, y);
    ReduceColumnGroup<F, kVectors>(x + half * stride, n - half, stride, columns, rest);
    for (size_t i = 0; i < columns; ++i) y[i] = F::join(y[i], rest[i]);
    return;
  }
  if constexpr (kVectors == 1) {
    Pack<T> total = F::kStart;
    for (size_t row = 0; row < n; ++row) {
      total = F::join(total, F::map(load_first(columns, x + row * stride)));
    }
    store_first(columns, total, y);
  } else {
    Pack<T> total[kVectors];
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) total[v] = F::kStart;
    for (size_t row = 0; row < n; ++row) {
      const T* from = x + row * stride;
#pragma GCC unroll 8
      for (size_t v = 0; v < kVectors; ++v) {
        total[v] = F::join(total[v], F::map(load(from + v * step)));
      }
    }
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) store(total[v], y + v * step);
  }
}

template <class F, class T>
void ReduceColumns(const T* x, size_t n, size_t stride, size_t columns, T* y) {
  const size_t step = lanes<T>();
  size_t i = 0;
  for (; i + 8 * step <= columns; i += 8 * step) {
    ReduceColumnGroup<F, 8>(x + i, n, stride, 8 * step, y + i);
  }
  for (; i < columns; i += step) {
    ReduceColumnGroup<F, 1>(x + i, n, stride, std::min(step, columns - i), y + i);
  }
}

// x: `count` blocks of [n, columns], each `block` after the last, its rows `stride` apart.
template <class F, class T>
void ReduceBlocks(const T* x, size_t count, size_t n, size_t stride, size_t columns, T* y) {
  if (columns == 1 && stride == 1) {
    for (size_t i = 0; i < count; ++i) y[i] = ReduceRow<F>(x + i * n, n);
  } else {
    for (size_t i = 0; i < count; ++i) {
      ReduceColumns<F>(x + i * n * stride, n, stride, columns, y + i * columns);
    }
  }
}

template <class T>
void Reduce(ReduceOp op, const T* x, size_t count, size_t n, size_t stride, size_t columns, T* y) {
  switch (op) {
    case ReduceOp::sum: return ReduceBlocks<Sum>(x, count, n, stride, columns, y);
    case ReduceOp::sum_of_squares:
      return ReduceBlocks<SumOfSquares>(x, count, n, stride, columns, y);
    case ReduceOp::prod: return ReduceBlocks<Prod>(x, count, n, stride, columns, y);
    case ReduceOp::max: return ReduceBlocks<Max>(x, count, n, stride, columns, y);
    case ReduceOp::min: return ReduceBlocks<Min>(x, count, n, stride, columns, y);
  }
}

void ReduceF32(ReduceOp op, const float* x, size_t count, size_t n, size_t stride, size_t columns,
               float* y) {
  Reduce(op, x, count, n, stride, columns, y);
}
void ReduceF64(ReduceOp op, const double* x, size_t count, size_t n, size_t stride, size_t columns,
               double* y) {
  Reduce(op, x, count, n, stride, columns, y);
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Ops ----

#if HWY_ONCE
namespace attune {
namespace internal {
namespace {

HWY_EXPORT(ReduceF32);
HWY_EXPORT(ReduceF64);

// `count` blocks [n, columns] one after the other, rows `stride` apart.
template <class T>
void reduce_blocks(ReduceOp op, const T* x, int64_t count, int64_t n, int64_t stride,
                   int64_t columns, T* y) {
  const auto run = [&](auto kernel) {
    kernel(op, x, static_cast<size_t>(count), static_cast<size_t>(n), static_cast<size_t>(stride),
           static_cast<size_t>(columns), y);
  };
  if constexpr (std::is_same_v<T, float>) {
    run(HWY_DYNAMIC_DISPATCH(ReduceF32));
  } else {
    run(HWY_DYNAMIC_DISPATCH(ReduceF64));
  }
}

// x [outer, n, inner] -> y [outer, inner].
template <class T>
void reduce_lines(ReduceOp op, const T* x, int64_t outer, int64_t n, int64_t inner, T* y) {
  constexpr int64_t kPiece = 2 * kParallelWork;  // elements that one thread takes at a time
  constexpr int64_t kColumns = 4096;             // and columns
  const int64_t piece = std::max<int64_t>(256, kPiece / inner);
  if (n <= piece && inner <= kColumns) {
    parallel_for(outer, n * inner, [&](int64_t begin, int64_t end) {
      reduce_blocks(op, x + begin * n * inner, end - begin, n, inner, inner, y + begin * inner);
    });
    return;
  }
  const int64_t pieces = std::max<int64_t>(1, (n + piece - 1) / piece);
  const int64_t groups = (inner + kColumns - 1) / kColumns;
  Tensor partial;
  T* to = y;
  if (pieces > 1) {
    partial = make({outer, pieces, inner}, dtype_of<T>);
    to = elements<T>(partial);
  }
  const int64_t cost = std::min(n, piece) * std::min(inner, kColumns);
  parallel_for(outer * pieces * groups, cost, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t column = task % groups * kColumns, line = task / groups;
      const int64_t row = line % pieces * piece, o = line / pieces;
      reduce_blocks(op, x + (o * n + row) * inner + column, 1, std::min(piece, n - row), inner,
                    std::min(kColumns, inner - column), to + line * inner + column);
    }
  });
  if (pieces > 1) {
    reduce_lines(op == ReduceOp::sum_of_squares ? ReduceOp::sum : op, to, outer, pieces, inner, y);
  }
}

// Integers and booleans; sums and products wrap round.
template <class From, class To>
void reduce_integers(ReduceOp op, const From* x, int64_t outer, int64_t n, int64_t inner, To* y) {
  const auto run = [&](To start, auto join) {
    parallel_for(outer, n * inner, [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o) {
        To* to = y + o * inner;
        std::fill_n(to, inner, start);
        for (int64_t i = 0; i < n; ++i) {
          const From* from = x + (o * n + i) * inner;
          for (int64_t j = 0; j < inner; ++j) to[j] = join(to[j], static_cast<To>(from[j]));
        }
      }
    });
  };
  using Limits = std::numeric_limits<To>;
  const auto wrap = [](auto f) {
    return [f](To a, To b) {
      return static_cast<To>(f(static_cast<uint64_t>(a), static_cast<uint64_t>(b)));
    };
  };
  switch (op) {
    case ReduceOp::max: return run(Limits::lowest(), [](To a, To b) { return std::max(a, b); });
    case ReduceOp::min: return run(Limits::max(), [](To a, To b) { return std::min(a, b); });
    case ReduceOp::prod: return run(To{1}, wrap([](uint64_t a, uint64_t b) { return a * b; }));
    case ReduceOp::sum: return run(To{0}, wrap([](uint64_t a, uint64_t b) { return a + b; }));
    case ReduceOp::sum_of_squares: break;  // of floating tensors only
  }
}

}  // namespace

Tensor reduce(ReduceOp op, const Tensor& x, const Reduced& along, KeepDims keep) {
  const bool same = is_floating(x.dtype()) || op == ReduceOp::max || op == ReduceOp::min;
  Tensor y = make(along.result(keep), same ? x.dtype() : DType::i64);
  if (y.numel() == 0) return y;
  const Lines lines = lines_along(x, along);
  dispatch(x.dtype(), [&]<class T>() {
    const T* from = elements<T>(lines.x);
    if constexpr (std::is_floating_point_v<T>) {
      reduce_lines(op, from, lines.outer, lines.n, lines.inner, elements<T>(y));
    } else if (same) {
      reduce_integers(op, from, lines.outer, lines.n, lines.inner, elements<T>(y));
    } else {
      reduce_integers(op, from, lines.outer, lines.n, lines.inner, elements<int64_t>(y));
    }
  });
  return y;
}

}  // namespace internal

namespace {

using namespace internal;

// The largest or smallest; equal ones share the gradient.
Tensor extreme(const char* name, ReduceOp op, const Tensor& x, const Axes& axes, KeepDims keep) {
  require_defined(name, x);
  const Reduced along = reduced_axes(name, x, axes);
  check<ValueError>(along.n > 0 || along.result(keep).numel() == 0,
                    "{}: has no value over the 0 elements of {}", name, x.shape());
  Tensor y = reduce(op, x, along, keep);
  if (is_floating(x.dtype()) && tracks(x)) {
    record(y, {&x}, [x, y, axes, kept = along.kept](const Tensor& dy, Gradients& grads) {
      const Tensor chosen = x.eq(y.reshape(kept)).cast(dy.dtype());
      grads.add(0, chosen * (dy.reshape(kept) / chosen.sum(axes, keep_dims)));
    });
  }
  return y;
}

// dx of a product, finite where elements are 0: with one zero in a line only its own slope, the
// product of the others, is left. Where there is none or more than one, the terms are written such
// that the gradient of this gradient is right too.
Tensor prod_gradient(const Tensor& x, const Tensor& dy, const Axes& axes) {
  const Tensor is_zero = x.eq(0), none = Tensor::zeros({}, x.dtype());
  const Tensor zeros = is_zero.sum(axes, keep_dims);
  const Tensor nonzero = where(is_zero, Tensor::ones({}, x.dtype()), x);
  const Tensor others = nonzero.prod(axes, keep_dims);  // of all that are not zero
  const Tensor zero = where(is_zero, x, none).sum(axes, keep_dims);
  const Tensor of_zero = where(zeros.eq(1), others, where(zeros.eq(2), (zero - x) * others, none));
  const Tensor of_nonzero =
      where(zeros.eq(0), others, where(zeros.eq(1), zero * others, none)) / nonzero;
  return dy * where(is_zero, of_zero, of_nonzero);
}

// The sum of all of a plain tensor, the end of most losses: the general way without its shapes.
Tensor sum_of_all(const Tensor& x) {
  Tensor y = make({}, x.dtype());
  dispatch_floating("sum", x.dtype(), [&]<class T>() {
    reduce_lines(ReduceOp::sum, elements<T>(x), 1, x.numel(), 1, elements<T>(y));
  });
  if (tracks(x)) {
    record(y, {&x}, [from = x.shape()](const Tensor& dy, Gradients& grads) {
      grads.add(0, spread(dy, {}, from));
    });
  }
  return y;
}

Tensor truths(const char* name, ReduceOp op, const Tensor& x, const Axes& axes, KeepDims keep) {
  require_defined(name, x);
  return reduce(op, x.cast(DType::boolean), reduced_axes(name, x, axes), keep);
}

}  // namespace

Tensor Tensor::sum(Axes axes, KeepDims keep) const {
  require_defined("sum", *this);
  if (axes.all() && !keep.value && is_floating(dtype()) && is_contiguous()) {
    return sum_of_all(*this);
  }
  const Reduced along = reduced_axes("sum", *this, axes);
  Tensor y = reduce(ReduceOp::sum, *this, along, keep);
  if (tracks(*this) && is_floating(dtype())) {
    record(y, {this}, [kept = along.kept, from = shape()](const Tensor& dy, Gradients& grads) {
      grads.add(0, spread(dy, kept, from));
    });
  }
  return y;
}

Tensor Tensor::mean(Axes axes, KeepDims keep) const {
  require_defined("mean", *this);
  const Reduced along = reduced_axes("mean", *this, axes);
  const auto n = static_cast<double>(along.n);
  if (!is_floating(dtype())) return reduce(ReduceOp::sum, *this, along, keep) / n;
  Tensor y = reduce(ReduceOp::sum, *this, along, keep);
  dispatch_floating("mean", y.dtype(), [&]<class T>() {
    for (int64_t i = 0; i < y.numel(); ++i) elements<T>(y)[i] /= static_cast<T>(n);
  });
  if (tracks(*this)) {
    record(y, {this}, [n, kept = along.kept, from = shape()](const Tensor& dy, Gradients& grads) {
      grads.add(0, spread(dy / n, kept, from));
    });
  }
  return y;
}

Tensor Tensor::max(Axes axes, KeepDims keep) const {
  return extreme("max", ReduceOp::max, *this, axes, keep);
}

Tensor Tensor::min(Axes axes, KeepDims keep) const {
  return extreme("min", ReduceOp::min, *this, axes, keep);
}

Tensor Tensor::prod(Axes axes, KeepDims keep) const {
  require_defined("prod", *this);
  const Reduced along = reduced_axes("prod", *this, axes);
  Tensor y = reduce(ReduceOp::prod, *this, along, keep);
  if (tracks(*this) && is_floating(dtype())) {
    record(y, {this}, [x = *this, axes, kept = along.kept](const Tensor& dy, Gradients& grads) {
      grads.add(0, prod_gradient(x, dy.reshape(kept), axes));
    });
  }
  return y;
}

Tensor Tensor::any(Axes axes, KeepDims keep) const {
  return truths("any", ReduceOp::max, *this, axes, keep);
}

Tensor Tensor::all(Axes axes, KeepDims keep) const {
  return truths("all", ReduceOp::min, *this, axes, keep);
}

}  // namespace attune
#endif  // HWY_ONCE
