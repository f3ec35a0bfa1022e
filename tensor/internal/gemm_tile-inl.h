// What the kernels of products share: how C is divided into tiles, and how their loops are
// unrolled.
//
// Compiled once per instruction set: include it only from such a file (docs/simd.md).

#if defined(ATTUNE_TENSOR_INTERNAL_GEMM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef ATTUNE_TENSOR_INTERNAL_GEMM_TILE_INL_H_
#undef ATTUNE_TENSOR_INTERNAL_GEMM_TILE_INL_H_
#else
#define ATTUNE_TENSOR_INTERNAL_GEMM_TILE_INL_H_
#endif

#include <cstdint>

#include "hwy/highway.h"

// Every loop over registers must be unrolled whole, or g++ keeps the tile in memory. (With a
// sanitizer's checks in each step that takes minutes to compile.)
#ifndef UNROLL
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#endif

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {

// Calls body(first, count) for runs of at most `most` out of `size`: split evenly, so that no
// sliver of a tile is left at the end.
template <class Body>
HWY_INLINE void ForTiles(int64_t size, int64_t most, const Body& body) {
  for (int64_t left = (size + most - 1) / most, i = 0; left > 0; --left) {
    const int64_t count = (size - i + left - 1) / left;
    body(i, count);
    i += count;
  }
}

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#endif  // per-target guard
