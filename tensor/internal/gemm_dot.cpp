// f32 products whose factors are both contiguous along k, as in x w^T, with few rows or columns:
// each element of C is a dot product. Nothing is packed, which few rows would not pay for, and a
// narrow C leaves no lanes unused.
//
// A tile of dot products shares what it loads. An element is the sum over k of each lane, and then
// of the lanes in a fixed order, whatever tile it is in.

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "attune/tensor/internal/gemm_plan.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tensor/internal/gemm_dot.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/gemm_tile-inl.h"
#include "attune/base/internal/load-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using internal::Gemm;
using D = hn::ScalableTag<float>;
using Vec = hn::Vec<D>;
using Four = hn::CappedTag<float, 4>;  // of one lane where vectors have no more

constexpr size_t kColumns = hn::MaxLanes(Four());
constexpr size_t kRows = HWY_TARGET <= HWY_AVX3 ? 6 : 3;

// Without this g++ reads x from memory at each of its uses, and loads are what limits these tiles.
HWY_INLINE void KeepInRegister(Vec& x) {
#if HWY_ARCH_X86 && HWY_TARGET != HWY_SCALAR
  asm("" : "+v"(x.raw));
#else
  static_cast<void>(x);
#endif
}

#if HWY_TARGET == HWY_SCALAR
HWY_INLINE hn::Vec<Four> SumsOfLanes(const Vec (&v)[kColumns]) { return v[0]; }
#else
// The sum of the blocks of four lanes.
template <class DV>
HWY_INLINE hn::Vec<Four> SumOfBlocks(DV d, hn::Vec<DV> v) {
  if constexpr (hn::MaxLanes(DV()) == kColumns) {
    return v;
  } else {
    const hn::Half<DV> half;
    return SumOfBlocks(half, hn::Add(hn::LowerHalf(half, v), hn::UpperHalf(half, v)));
  }
}

// The sums of the lanes of each vector.
HWY_INLINE hn::Vec<Four> SumsOfLanes(const Vec (&v)[kColumns]) {
  const D d;
  const hn::Repartition<uint64_t, D> pairs;
  const auto zip = [&](Vec a, Vec b) HWY_ATTR {
    return hn::BitCast(pairs, hn::Add(hn::InterleaveLower(d, a, b), hn::InterleaveUpper(d, a, b)));
  };
  const auto low = zip(v[0], v[1]), high = zip(v[2], v[3]);
  return SumOfBlocks(d, hn::Add(hn::BitCast(d, hn::InterleaveLower(pairs, low, high)),
                                hn::BitCast(d, hn::InterleaveUpper(pairs, low, high))));
}
#endif

// The tile of C whose first element is (row, column).
template <size_t kHeight, size_t kWidth>
HWY_NOINLINE void DotTile(const Gemm<float>& g, int64_t row, int64_t column) {
  const D d;
  Vec sum[kHeight][kColumns];
  UNROLL for (size_t i = 0; i < kHeight; ++i) {
    UNROLL for (size_t j = 0; j < kColumns; ++j) sum[i][j] = hn::Zero(d);
  }
  const int64_t a_row = g.a_row, b_column = g.b_column;
  const float *a = g.a + row * a_row, *b = g.b + column * b_column;
  const auto add = [&](const auto& load) HWY_ATTR {
    Vec bv[kWidth];
    UNROLL for (size_t j = 0; j < kWidth; ++j) bv[j] = load(b + static_cast<int64_t>(j) * b_column);
    UNROLL for (size_t i = 0; i < kHeight; ++i) {
      Vec av = load(a + static_cast<int64_t>(i) * a_row);
      KeepInRegister(av);
      UNROLL for (size_t j = 0; j < kWidth; ++j) sum[i][j] = hn::MulAdd(av, bv[j], sum[i][j]);
    }
  };
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t left = g.k;
  for (; left >= lanes; left -= lanes, a += lanes, b += lanes) {
    add([&](const float* x) HWY_ATTR { return hn::LoadU(d, x); });
  }
  if (left > 0) {
    add([&](const float* x) HWY_ATTR { return load_first(d, static_cast<size_t>(left), x); });
  }
  const Four four;
  UNROLL for (size_t i = 0; i < kHeight; ++i) {
    const int64_t r = row + static_cast<int64_t>(i);
    float* c = g.c + r * g.c_row + column;
    auto y = SumsOfLanes(sum[i]);
    if (g.accumulate) y = hn::Add(y, load_first(four, kWidth, c));
    if (g.row_bias != nullptr) y = hn::Add(y, hn::Set(four, g.row_bias[r]));
    if (g.column_bias != nullptr) y = hn::Add(y, load_first(four, kWidth, g.column_bias + column));
    if (g.activation == Activation::relu) {  // not Max: it would turn NaN into 0
      y = hn::IfThenZeroElse(hn::Lt(y, hn::Zero(four)), y);
    }
    store_first(four, kWidth, y, c);
  }
}

template <size_t... kIndex>
constexpr auto dot_table(std::index_sequence<kIndex...>) {
  return std::array<void (*)(const Gemm<float>&, int64_t, int64_t), sizeof...(kIndex)>{
      &DotTile<kIndex / kColumns + 1, kIndex % kColumns + 1>...};
}

// The longer side is walked once; what the shorter one reads stays in the cache.
void DotGemm(const Gemm<float>& g) {
  static constexpr auto table = dot_table(std::make_index_sequence<kRows * kColumns>{});
  const auto tile = [&](int64_t i, int64_t height, int64_t j, int64_t width) HWY_ATTR {
    table[static_cast<size_t>(height - 1) * kColumns + static_cast<size_t>(width - 1)](g, i, j);
  };
  if (g.m >= g.n) {
    ForTiles(g.m, kRows, [&](int64_t i, int64_t height) HWY_ATTR {
      ForTiles(g.n, kColumns,
               [&](int64_t j, int64_t width) HWY_ATTR { tile(i, height, j, width); });
    });
  } else {
    ForTiles(g.n, kColumns, [&](int64_t j, int64_t width) HWY_ATTR {
      ForTiles(g.m, kRows, [&](int64_t i, int64_t height) HWY_ATTR { tile(i, height, j, width); });
    });
  }
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::internal {
namespace {
HWY_EXPORT(DotGemm);
}  // namespace
void dot_gemm(const Gemm<float>& piece) { HWY_DYNAMIC_DISPATCH(DotGemm)(piece); }
}  // namespace attune::internal
#endif
