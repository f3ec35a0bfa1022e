// Copying parts of a matrix into panels, in the order in which the tiles of gemm_kernel.cpp read
// them: close together, however far apart they lie in the matrix.
//
// Compiled once per instruction set: include it only from such a file (docs/simd.md).

#if defined(ATTUNE_TENSOR_INTERNAL_GEMM_PACK_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_TENSOR_INTERNAL_GEMM_PACK_INL_H_
#undef ATTUNE_TENSOR_INTERNAL_GEMM_PACK_INL_H_
#else
#define ATTUNE_TENSOR_INTERNAL_GEMM_PACK_INL_H_
#endif

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "attune/tensor/internal/gemm_tile-inl.h"
#include "attune/base/internal/load-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// A panel: `depth` rows of `width` floats, `stride` apart. The padding of a row is zeroed; what
// lies behind a row without padding may be overwritten, up to the length of a vector.
struct Panel {
  float* to;
  int64_t depth, width, stride;
};

// Rows that are contiguous in the matrix, `along` apart.
HWY_INLINE void PackRows(const float* from, int64_t along, const Panel& panel) {
  const hn::ScalableTag<float> d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  float* to = panel.to;
  for (int64_t p = 0; p < panel.depth; ++p, from += along, to += panel.stride) {
    int64_t j = 0;
    for (; j + lanes <= panel.width; j += lanes) hn::StoreU(hn::LoadU(d, from + j), d, to + j);
    if (j < panel.width) {
      hn::StoreU(load_first(d, static_cast<size_t>(panel.width - j), from + j), d, to + j);
    }
  }
}

#if HWY_TARGET != HWY_SCALAR
// Four floats from each of as many places as the vector has room for, `at` floats behind them.
template <size_t kFirst, class D>
HWY_INLINE hn::Vec<D> LoadBlocks(D d, const float* const* places, int64_t at) {
  if constexpr (hn::MaxLanes(D()) == 4) {
    return hn::LoadU(d, places[kFirst] + at);
  } else {
    const hn::Half<D> half;
    constexpr size_t kUpper = kFirst + hn::MaxLanes(half) / 4;
    return hn::Combine(d, LoadBlocks<kUpper>(half, places, at),
                       LoadBlocks<kFirst>(half, places, at));
  }
}

// As many columns as d has lanes, the first at `from`, transposed in registers: a 4 x 4 transpose
// inside each block of four lanes makes four rows of the panel.
template <class D>
HWY_NOINLINE void TransposeColumns(D d, const float* from, int64_t across, float* to,
                                   const Panel& panel) {
  constexpr size_t kBlocks = hn::MaxLanes(D()) / 4;
  const float* column[kBlocks];  // the first of each four: x86 adds up to three strides to it
  UNROLL for (size_t i = 0; i < kBlocks; ++i) column[i] =
      from + 4 * static_cast<int64_t>(i) * across;
  const int64_t stride = panel.stride;
  int64_t left = panel.depth;
  for (; left >= 4; left -= 4, to += 4 * stride) {
    const auto v0 = LoadBlocks<0>(d, column, 0), v1 = LoadBlocks<0>(d, column, across);
    const auto v2 = LoadBlocks<0>(d, column, 2 * across), v3 = LoadBlocks<0>(d, column, 3 * across);
    const auto t0 = hn::InterleaveLower(d, v0, v2), t1 = hn::InterleaveLower(d, v1, v3);
    const auto t2 = hn::InterleaveUpper(d, v0, v2), t3 = hn::InterleaveUpper(d, v1, v3);
    hn::StoreU(hn::InterleaveLower(d, t0, t1), d, to);
    hn::StoreU(hn::InterleaveUpper(d, t0, t1), d, to + stride);
    hn::StoreU(hn::InterleaveLower(d, t2, t3), d, to + 2 * stride);
    hn::StoreU(hn::InterleaveUpper(d, t2, t3), d, to + 3 * stride);
    UNROLL for (size_t i = 0; i < kBlocks; ++i) column[i] += 4;
  }
  from += panel.depth - left;
  for (; left > 0; --left, ++from, to += stride) {
    for (size_t j = 0; j < hn::MaxLanes(D()); ++j) to[j] = from[static_cast<int64_t>(j) * across];
  }
}
#endif

// Columns that are contiguous in the matrix, `across` apart.
HWY_INLINE void PackColumns(const float* from, int64_t across, const Panel& panel) {
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (!HWY_HAVE_SCALABLE) {
    const hn::ScalableTag<float> d;
    const auto lanes = static_cast<int64_t>(hn::Lanes(d));
    for (; j + lanes <= panel.width; j += lanes) {
      TransposeColumns(d, from + j * across, across, panel.to + j, panel);
    }
  }
  const hn::FixedTag<float, 4> d4;
  while (panel.width >= 4 && j < panel.width) {
    const int64_t at = std::min(j, panel.width - 4);  // the last four overlap the ones before
    TransposeColumns(d4, from + at * across, across, panel.to + at, panel);
    j = at + 4;
  }
#endif
  for (; j < panel.width; ++j) {
    for (int64_t p = 0; p < panel.depth; ++p) {
      panel.to[p * panel.stride + j] = from[j * across + p];
    }
  }
  for (int64_t p = 0; panel.width < panel.stride && p < panel.depth; ++p) {
    std::fill(panel.to + p * panel.stride + panel.width, panel.to + (p + 1) * panel.stride, 0.f);
  }
}

// The panel's element (p, j) is from[p * along + j * across]; one of the two strides is 1.
HWY_INLINE void PackPanel(const float* from, int64_t along, int64_t across, const Panel& panel) {
  across == 1 ? PackRows(from, along, panel) : PackColumns(from, across, panel);
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
