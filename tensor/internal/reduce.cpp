// The kernels of reductions.
//
// Every reduction is brought to the form x [outer, n, inner] -> y [outer, inner] with contiguous x.
// Where inner is 1 a kernel runs along rows, else down columns, a few vectors of them at a time.
// Long lines are cut into pieces of fixed size, whose results are reduced again: threads share the
// pieces, and since they do not depend on the number of threads, neither does the result.

#include "attune/tensor/internal/reduce.h"

#include <algorithm>
#include <limits>
#include <type_traits>

#include "attune/tensor/internal/dispatch.h"
#include "attune/base/internal/parallel.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tensor/internal/reduce.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/kernel.h"
#include "attune/tensor/internal/pack-inl.h"

#ifndef ATTUNE_REDUCE_BLOCKS
#define ATTUNE_REDUCE_BLOCKS
namespace attune {
// What a kernel reduces: `count` blocks [n, columns], one after the other, rows `stride` apart.
struct Blocks {
  size_t count, n, stride, columns;
};
}  // namespace attune
#endif

// ---- Kernels ----

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {

// What to make of an element, given the centre of its line, how two results are joined (Packs or
// single numbers), and the result of nothing.
struct Sum {
  static constexpr double kStart = 0;
  static constexpr bool kAdds = true;
  static HWY_INLINE auto map(auto x, auto) { return x; }
  static HWY_INLINE auto join(auto a, auto b) { return a + b; }
};
struct Squares : Sum {
  static HWY_INLINE auto map(auto x, auto centre) { return (x - centre) * (x - centre); }
};
struct Prod : Sum {
  static constexpr double kStart = 1;
  static constexpr bool kAdds = false;
  static HWY_INLINE auto join(auto a, auto b) { return a * b; }
};
template <bool kLargest>
struct Extreme : Sum {
  static constexpr double kStart = (kLargest ? -1 : 1) * std::numeric_limits<double>::infinity();
  static constexpr bool kAdds = false;
  template <class T>
  static HWY_INLINE Pack<T> join(Pack<T> a, Pack<T> b) {
    return kLargest ? maximum(a, b) : minimum(a, b);
  }
  static HWY_INLINE auto join(auto a, auto b) {
    return a != a || (kLargest ? a > b : a < b) ? a : b;
  }
};

// Loads n elements as To, which is From or wider; the other lanes are 0.
template <class To, class From>
HWY_INLINE Pack<To> LoadAs(size_t n, const From* x) {
  if constexpr (sizeof(To) == sizeof(From)) {
    return load_some(n, x);
  } else {
    const hn::ScalableTag<To> d;
    const hn::Rebind<From, decltype(d)> narrow;
    return hn::PromoteTo(d, load_some(narrow, n, x));
  }
}

// n mapped elements; the other lanes are what changes nothing.
template <class F, class To, class From>
HWY_INLINE Pack<To> MapSome(size_t n, const From* x, Pack<To> centre) {
  return first_or(n, F::map(LoadAs<To>(n, x), centre), Pack<To>(F::kStart));
}

// The lanes of a vector joined into one.
template <class F, class T>
HWY_INLINE T Fold(Pack<T> x) {
  if constexpr (F::kAdds) return sum_of_lanes(x);
  const hn::ScalableTag<T> d;
  HWY_ALIGN T lane[hn::MaxLanes(d)];
  hn::Store(x.v, d, lane);
  for (size_t half = hn::Lanes(d) / 2; half > 0; half /= 2) {
    for (size_t i = 0; i < half; ++i) lane[i] = F::join(lane[i], lane[i + half]);
  }
  return lane[0];
}

// One row of n elements: blocks of up to 1024 in four vectors, the blocks' results joined in pairs,
// so that the rounding error grows with the logarithm of n. Short vectors take short blocks.
template <class F, class To, class From>
To ReduceRow(const From* x, size_t n, To centre) {
  const size_t step = lanes<To>(), block = std::min<size_t>(1024, 128 * step);
  if (n > block) {
    const size_t half = block * ((n / block + 1) / 2);
    const To first = ReduceRow<F>(x, half, centre);
    return F::join(first, ReduceRow<F>(x + half, n - half, centre));
  }
  const Pack<To> from(hn::Set(hn::ScalableTag<To>(), centre));
  if (n <= step) return Fold<F>(MapSome<F>(n, x, from));
  Pack<To> a = F::kStart, b = F::kStart, c = F::kStart, d = F::kStart;
  size_t i = 0;
  for (; i + 4 * step <= n; i += 4 * step) {
    a = F::join(a, MapSome<F>(step, x + i, from));
    b = F::join(b, MapSome<F>(step, x + i + step, from));
    c = F::join(c, MapSome<F>(step, x + i + 2 * step, from));
    d = F::join(d, MapSome<F>(step, x + i + 3 * step, from));
  }
  for (; i + step <= n; i += step) a = F::join(a, MapSome<F>(step, x + i, from));
  if (i < n) b = F::join(b, MapSome<F>(n - i, x + i, from));
  return Fold<F>(F::join(F::join(a, b), F::join(c, d)));
}

// y[0 … columns) = x[0][…], x[1][…] … joined: n rows, `stride` apart. As above, at most kBlock rows
// are joined one after the other. kVectors full vectors of columns, or (1) the last few.
template <class F, size_t kVectors, class To, class From>
void ReduceColumnGroup(const From* x, size_t n, size_t stride, size_t columns, const To* centre,
                       To* y) {
  constexpr size_t kBlock = 128;
  const size_t step = lanes<To>();
  if (n > kBlock) {
    const size_t half = kBlock * ((n / kBlock + 1) / 2);
    HWY_ALIGN To rest[kVectors * hn::MaxLanes(hn::ScalableTag<To>())];
    ReduceColumnGroup<F, kVectors>(x, half, stride, columns, centre, y);
    ReduceColumnGroup<F, kVectors>(x + half * stride, n - half, stride, columns, centre, rest);
    for (size_t i = 0; i < columns; ++i) y[i] = F::join(y[i], rest[i]);
    return;
  }
  Pack<To> total[kVectors], from[kVectors];
  const size_t some = kVectors == 1 ? columns : step;
#pragma GCC unroll 8
  for (size_t v = 0; v < kVectors; ++v) {
    total[v] = F::kStart;
    if (centre != nullptr) from[v] = load_some(some, centre + v * step);
  }
  for (size_t row = 0; row < n; ++row) {
    const From* line = x + row * stride;
#pragma GCC unroll 8
    for (size_t v = 0; v < kVectors; ++v) {
      total[v] = F::join(total[v], F::map(LoadAs<To>(some, line + v * step), from[v]));
    }
  }
#pragma GCC unroll 8
  for (size_t v = 0; v < kVectors; ++v) store_some(some, total[v], y + v * step);
}

// centre: one for each result, or null.
template <class F, class To, class From>
void ReduceBlocks(const From* x, const Blocks& b, std::type_identity_t<const To*> centre, To* y) {
  const size_t step = lanes<To>();
  for (size_t block = 0; block < b.count; ++block, x += b.n * b.stride, y += b.columns) {
    if (b.columns == 1 && b.stride == 1) {
      *y = ReduceRow<F>(x, b.n, centre == nullptr ? To{0} : centre[block]);
      continue;
    }
    const auto at = [&](size_t i) {
      return centre == nullptr ? nullptr : centre + block * b.columns + i;
    };
    size_t i = 0;
    for (; i + 8 * step <= b.columns; i += 8 * step) {
      ReduceColumnGroup<F, 8>(x + i, b.n, b.stride, 8 * step, at(i), y + i);
    }
    for (; i < b.columns; i += step) {
      ReduceColumnGroup<F, 1>(x + i, b.n, b.stride, std::min(step, b.columns - i), at(i), y + i);
    }
  }
}

template <class T>
void Reduce(ReduceOp op, const T* x, const Blocks& b, T* y) {
  if (op == ReduceOp::sum) return ReduceBlocks<Sum>(x, b, nullptr, y);
  if (op == ReduceOp::max) return ReduceBlocks<Extreme<true>>(x, b, nullptr, y);
  ReduceBlocks<Extreme<false>>(x, b, nullptr, y);
}

template <class T>
void ReduceWide(ReduceOp op, const T* x, const Blocks& b, const double* centre, double* y) {
  if (op == ReduceOp::sum) return ReduceBlocks<Sum>(x, b, centre, y);
  if (op == ReduceOp::prod) return ReduceBlocks<Prod>(x, b, centre, y);
  ReduceBlocks<Squares>(x, b, centre, y);
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

// ---- Lines, cut into blocks and shared by threads ----

#if HWY_ONCE
namespace attune::internal {
namespace {

ATTUNE_KERNEL(reduce_kernel, Reduce)
ATTUNE_KERNEL(reduce_wide_kernel, ReduceWide)

// x [outer, n, inner] -> y [outer, inner]. To is From, or double.
template <class From, class To>
void reduce_lines(ReduceOp op, const From* x, const Extents& extents,
                  std::type_identity_t<const To*> centre, To* y) {
  const int64_t outer = extents.outer, n = extents.n, inner = extents.inner;
  constexpr int64_t kPiece = 2 * kParallelWork;  // elements that one thread takes at a time
  constexpr int64_t kColumns = 4096;             // and columns
  const auto run = [&](const From* from, int64_t count, int64_t rows, int64_t columns,
                       int64_t first_result, To* to) {
    const Blocks b{static_cast<size_t>(count), static_cast<size_t>(rows),
                   static_cast<size_t>(inner), static_cast<size_t>(columns)};
    if constexpr (std::is_same_v<From, To>) {
      if (op == ReduceOp::sum || op == ReduceOp::max || op == ReduceOp::min) {
        return reduce_kernel<From>(op, from, b, to);
      }
    }
    if constexpr (std::is_same_v<To, double>) {
      reduce_wide_kernel<From>(op, from, b, centre == nullptr ? nullptr : centre + first_result,
                               to);
    }
  };
  const int64_t piece = std::max<int64_t>(256, kPiece / inner);
  if (n <= piece && inner <= kColumns) {
    parallel_for(outer, n * inner, [&](int64_t begin, int64_t end) {
      run(x + begin * n * inner, end - begin, n, inner, begin * inner, y + begin * inner);
    });
    return;
  }
  const int64_t pieces = std::max<int64_t>(1, (n + piece - 1) / piece);
  const int64_t groups = (inner + kColumns - 1) / kColumns;
  Tensor partial;
  To* to = y;
  if (pieces > 1) {
    partial = make({outer, pieces, inner}, dtype_of<To>);
    to = elements<To>(partial);
  }
  const int64_t cost = std::min(n, piece) * std::min(inner, kColumns);
  parallel_for(outer * pieces * groups, cost, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t column = task % groups * kColumns, line = task / groups;
      const int64_t row = line % pieces * piece, o = line / pieces;
      run(x + (o * n + row) * inner + column, 1, std::min(piece, n - row),
          std::min(kColumns, inner - column), o * inner + column, to + line * inner + column);
    }
  });
  if (pieces > 1) {
    const ReduceOp join = op == ReduceOp::squares ? ReduceOp::sum : op;
    reduce_lines(join, to, {outer, pieces, inner}, nullptr, y);
  }
}

// Integers and booleans; sums and products wrap round.
template <class From, class To>
void reduce_integers(ReduceOp op, const From* x, const Extents& extents, To* y) {
  const int64_t outer = extents.outer, n = extents.n, inner = extents.inner;
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
    case ReduceOp::squares: break;  // of floating tensors only
  }
}

}  // namespace

Tensor reduce(ReduceOp op, const Tensor& x, const Reduced& along, KeepDims keep) {
  if (is_floating(x.dtype()) && op == ReduceOp::prod) {
    return reduce_wide(op, x, along, keep).cast(x.dtype());
  }
  const bool same = is_floating(x.dtype()) || op == ReduceOp::max || op == ReduceOp::min;
  Tensor y = make(along.result(keep), same ? x.dtype() : DType::i64);
  if (y.numel() == 0) return y;
  const Lines lines = lines_along(x, along);
  if (is_floating(x.dtype())) {
    dispatch_floating("reduce", x.dtype(), [&]<class T>() {
      reduce_lines(op, elements<T>(lines.x), lines, nullptr, elements<T>(y));
    });
    return y;
  }
  dispatch(x.dtype(), [&]<class T>() {
    if constexpr (std::is_integral_v<T>) {
      const T* from = elements<T>(lines.x);
      if (same) {
        reduce_integers(op, from, lines, elements<T>(y));
      } else {
        reduce_integers(op, from, lines, elements<int64_t>(y));
      }
    }
  });
  return y;
}

Tensor reduce_wide(ReduceOp op, const Tensor& x, const Reduced& along, KeepDims keep,
                   const Tensor& centre) {
  Tensor y = make(along.result(keep), DType::f64);
  if (y.numel() == 0) return y;
  const Lines lines = lines_along(x, along);
  dispatch_floating("reduce", x.dtype(), [&]<class T>() {
    reduce_lines(op, elements<T>(lines.x), lines,
                 centre.defined() ? elements<double>(centre) : nullptr, elements<double>(y));
  });
  return y;
}

Tensor sum_of_all(const Tensor& x) {
  Tensor y = make({}, x.dtype());
  dispatch_floating("sum", x.dtype(), [&]<class T>() {
    reduce_lines(ReduceOp::sum, elements<T>(x), {1, x.numel(), 1}, nullptr, elements<T>(y));
  });
  return y;
}

}  // namespace attune::internal
#endif  // HWY_ONCE
