// attune's own f32 matrix product: register tiles of C over blocks of k.
//
// A tile of C, kRows x kVectors vectors, stays in registers while k runs: each step loads kVectors
// of B and multiplies them with kRows broadcast elements of A. The shape of the tile follows the
// width of what is left of C, so that narrow outputs (10 classes) keep as many multiply-adds in
// flight as wide ones. B is read in place where its rows are near each other, else from a packed
// panel. After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008),
// less what only large matrices need.

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include "attune/tensor/internal/gemm.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tensor/internal/gemm_kernel.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/load-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using internal::Gemm;
using D = hn::ScalableTag<float>;
using Vec = hn::Vec<D>;

#if HWY_TARGET <= HWY_AVX3  // 32 registers of 16 floats
constexpr size_t kMaxVectors = 4;
constexpr size_t tile_rows(size_t vectors) {
  return std::array<size_t, 5>{0, 16, 12, 8, 6}[vectors];
}
#else  // 16 registers
constexpr size_t kMaxVectors = 2;
constexpr size_t tile_rows(size_t vectors) { return std::array<size_t, 3>{0, 10, 6}[vectors]; }
#endif
using internal::kPanelDepth;
using internal::kPanelWidth;

// Every loop over registers must be unrolled whole, or g++ keeps the tile in memory. (With a
// sanitizer's checks in each step that takes minutes to compile.)
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNROLL
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

struct TileArgs {
  const Gemm<float>* g;
  const float* a;  // first row of the tile, at the first p of this block
  const float* b;  // first column of the panel, at the same p
  int64_t b_row;
  int64_t depth;
  float* c;
  const float* bias;  // of these columns, null until the last block of k
  size_t tail;        // columns in the last vector
  bool first, last;   // block of k
};

template <size_t kRows, size_t kVectors>
HWY_NOINLINE void Tile(const TileArgs& t) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  Vec sum[kRows][kVectors];
  UNROLL for (size_t i = 0; i < kRows; ++i) {
    UNROLL for (size_t j = 0; j < kVectors; ++j) sum[i][j] = hn::Zero(d);
  }

  // One pointer per four rows of A: x86 addresses base, base + r, base + 2 r and base + 3 r alike.
  constexpr size_t kQuads = (kRows + 3) / 4;
  const int64_t row = t.g->a_row, column = t.g->a_column;
  const float* a[kQuads];
  UNROLL for (size_t q = 0; q < kQuads; ++q) a[q] = t.a + static_cast<int64_t>(4 * q) * row;
  const float* b = t.b;
  for (int64_t p = 0; p < t.depth; ++p) {
    Vec bv[kVectors];
    UNROLL for (size_t j = 0; j < kVectors; ++j) bv[j] = hn::LoadU(d, b + j * lanes);
    UNROLL for (size_t i = 0; i < kRows; ++i) {
      const Vec av = hn::Set(d, a[i / 4][static_cast<int64_t>(i % 4) * row]);
      UNROLL for (size_t j = 0; j < kVectors; ++j) sum[i][j] = hn::MulAdd(av, bv[j], sum[i][j]);
    }
    b += t.b_row;
    UNROLL for (size_t q = 0; q < kQuads; ++q) a[q] += column;
  }

  const auto load = [&](const float* from, size_t j) HWY_ATTR {
    return j + 1 == kVectors ? load_first(d, t.tail, from + j * lanes)
                             : hn::LoadU(d, from + j * lanes);
  };
  const int64_t c_row = t.g->c_row;
  if (!t.first) {
    UNROLL for (size_t i = 0; i < kRows; ++i) {
      UNROLL for (size_t j = 0; j < kVectors; ++j) {
        sum[i][j] = hn::Add(sum[i][j], load(t.c + static_cast<int64_t>(i) * c_row, j));
      }
    }
  }
  if (t.bias != nullptr) {
    UNROLL for (size_t j = 0; j < kVectors; ++j) {
      const Vec bias = load(t.bias, j);
      UNROLL for (size_t i = 0; i < kRows; ++i) sum[i][j] = hn::Add(sum[i][j], bias);
    }
  }
  if (t.last && t.g->relu) {
    UNROLL for (size_t i = 0; i < kRows; ++i) {
      UNROLL for (size_t j = 0; j < kVectors; ++j) {
        // Not Max: it would turn NaN into 0.
        sum[i][j] = hn::IfThenZeroElse(hn::Lt(sum[i][j], hn::Zero(d)), sum[i][j]);
      }
    }
  }
  UNROLL for (size_t i = 0; i < kRows; ++i) {
    float* c = t.c + static_cast<int64_t>(i) * c_row;
    UNROLL for (size_t j = 0; j + 1 < kVectors; ++j) hn::StoreU(sum[i][j], d, c + j * lanes);
    store_first(d, t.tail, sum[i][kVectors - 1], c + (kVectors - 1) * lanes);
  }
}

// All row counts of one width: table[rows - 1].
template <size_t kVectors, size_t... kIndex>
constexpr auto tile_table(std::index_sequence<kIndex...>) {
  return std::array<void (*)(const TileArgs&), sizeof...(kIndex)>{&Tile<kIndex + 1, kVectors>...};
}

// One panel of columns: the rows are split evenly, so that no sliver of a tile is left at the end.
template <size_t kVectors>
void Rows(TileArgs t, int64_t m) {
  constexpr auto kMost = static_cast<int64_t>(tile_rows(kVectors));
  static constexpr auto table =
      tile_table<kVectors>(std::make_index_sequence<tile_rows(kVectors)>{});
  const int64_t tiles = (m + kMost - 1) / kMost;
  for (int64_t left = tiles, i = 0; left > 0; --left) {
    const int64_t rows = (m - i + left - 1) / left;
    table[static_cast<size_t>(rows - 1)](t);
    t.a += rows * t.g->a_row;
    t.c += rows * t.g->c_row;
    i += rows;
  }
}

// panel[p][j] = b(p, j) for a B whose columns are contiguous: four columns at a time, transposed in
// registers.
void PackColumns(const float* b, int64_t b_column, int64_t depth, int64_t width, float* panel) {
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::FixedTag<float, 4> d4;
  for (; j + 4 <= width; j += 4) {
    const float* c0 = b + j * b_column;
    const float *c1 = c0 + b_column, *c2 = c1 + b_column, *c3 = c2 + b_column;
    int64_t p = 0;
    for (; p + 4 <= depth; p += 4) {
      const auto v0 = hn::LoadU(d4, c0 + p), v1 = hn::LoadU(d4, c1 + p);
      const auto v2 = hn::LoadU(d4, c2 + p), v3 = hn::LoadU(d4, c3 + p);
      const auto t0 = hn::InterleaveLower(d4, v0, v2), t1 = hn::InterleaveLower(d4, v1, v3);
      const auto t2 = hn::InterleaveUpper(d4, v0, v2), t3 = hn::InterleaveUpper(d4, v1, v3);
      float* to = panel + p * kPanelWidth + j;
      hn::StoreU(hn::InterleaveLower(d4, t0, t1), d4, to);
      hn::StoreU(hn::InterleaveUpper(d4, t0, t1), d4, to + kPanelWidth);
      hn::StoreU(hn::InterleaveLower(d4, t2, t3), d4, to + 2 * kPanelWidth);
      hn::StoreU(hn::InterleaveUpper(d4, t2, t3), d4, to + 3 * kPanelWidth);
    }
    for (; p < depth; ++p) {
      float* to = panel + p * kPanelWidth + j;
      to[0] = c0[p], to[1] = c1[p], to[2] = c2[p], to[3] = c3[p];
    }
  }
#endif
  for (; j < width; ++j) {
    for (int64_t p = 0; p < depth; ++p) panel[p * kPanelWidth + j] = b[j * b_column + p];
  }
}

#if HWY_TARGET <= HWY_AVX3
// Rows r, r + s, r + 2 s, r + 3 s in the four quarters of a vector.
HWY_INLINE Vec LoadQuarters(const float* r, int64_t s) {
  const D d;
  const hn::Half<D> half;
  const hn::Half<hn::Half<D>> quarter;
  return hn::Combine(
      d, hn::Combine(half, hn::LoadU(quarter, r + 3 * s), hn::LoadU(quarter, r + 2 * s)),
      hn::Combine(half, hn::LoadU(quarter, r + s), hn::LoadU(quarter, r)));
}

// Sixteen columns at a time: a 4 x 4 transpose inside each quarter gives four rows of the panel.
void PackSixteenColumns(const float* b, int64_t b_column, int64_t depth, int64_t width,
                        float* panel) {
  const D d;
  int64_t j = 0;
  for (; j + 16 <= width; j += 16) {
    const float* r = b + j * b_column;
    int64_t p = 0;
    for (; p + 4 <= depth; p += 4) {
      const int64_t far = 4 * b_column;
      const Vec v0 = LoadQuarters(r + p, far), v1 = LoadQuarters(r + b_column + p, far);
      const Vec v2 = LoadQuarters(r + 2 * b_column + p, far),
                v3 = LoadQuarters(r + 3 * b_column + p, far);
      const Vec t0 = hn::InterleaveLower(d, v0, v2), t1 = hn::InterleaveLower(d, v1, v3);
      const Vec t2 = hn::InterleaveUpper(d, v0, v2), t3 = hn::InterleaveUpper(d, v1, v3);
      float* to = panel + p * kPanelWidth + j;
      hn::StoreU(hn::InterleaveLower(d, t0, t1), d, to);
      hn::StoreU(hn::InterleaveUpper(d, t0, t1), d, to + kPanelWidth);
      hn::StoreU(hn::InterleaveLower(d, t2, t3), d, to + 2 * kPanelWidth);
      hn::StoreU(hn::InterleaveUpper(d, t2, t3), d, to + 3 * kPanelWidth);
    }
    for (; p < depth; ++p) {
      for (int64_t c = 0; c < 16; ++c) panel[p * kPanelWidth + j + c] = r[c * b_column + p];
    }
  }
  if (j == width) return;
  for (; j < width; ++j) {
    for (int64_t p = 0; p < depth; ++p) panel[p * kPanelWidth + j] = b[j * b_column + p];
  }
}
#endif

void Pack(const float* b, const Gemm<float>& g, int64_t depth, int64_t width, float* panel) {
  if (g.b_column == 1) {
    for (int64_t p = 0; p < depth; ++p) {
      std::memcpy(panel + p * kPanelWidth, b + p * g.b_row,
                  sizeof(float) * static_cast<size_t>(width));
    }
    return;
  }
#if HWY_TARGET <= HWY_AVX3
  if (width >= 16) return PackSixteenColumns(b, g.b_column, depth, width, panel);
#endif
  PackColumns(b, g.b_column, depth, width, panel);
}

void OwnGemm(const Gemm<float>& g, float* panel) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  const int64_t widest = static_cast<int64_t>(kMaxVectors) * lanes;
  // Rows of B that lie far apart cost a page or cache-set conflict each: worth packing once several
  // tiles will read them (measured: bench/gemm_bench.cpp).
  const bool far =
      (g.m >= 48 && g.b_row >= 256 && g.k >= 32) || (g.m >= 192 && g.b_row >= 128 && g.k >= 128);
  const int64_t blocks = (g.k + kPanelDepth - 1) / kPanelDepth;
  for (int64_t block = 0, p = 0; block < blocks; ++block) {
    const int64_t depth = (g.k - p + blocks - block - 1) / (blocks - block);
    for (int64_t j = 0; j < g.n; j += widest) {
      const int64_t width = std::min(widest, g.n - j);
      const int64_t vectors = (width + lanes - 1) / lanes;
      const auto tail = static_cast<size_t>(width - (vectors - 1) * lanes);
      const float* b = g.b + p * g.b_row + j * g.b_column;
      // A vector that reaches beyond B's last column may be read only from a panel.
      const bool packed = far || g.b_column != 1 || tail != static_cast<size_t>(lanes);
      if (packed) Pack(b, g, depth, width, panel);
      const bool last = block + 1 == blocks;
      const TileArgs t{.g = &g,
                       .a = g.a + p * g.a_column,
                       .b = packed ? panel : b,
                       .b_row = packed ? kPanelWidth : g.b_row,
                       .depth = depth,
                       .c = g.c + j,
                       .bias = last && g.bias != nullptr ? g.bias + j : nullptr,
                       .tail = tail,
                       .first = block == 0,
                       .last = last};
      switch (vectors) {
        case 1: Rows<1>(t, g.m); break;
#if HWY_TARGET <= HWY_AVX3
        case 2: Rows<2>(t, g.m); break;
        case 3: Rows<3>(t, g.m); break;
        default: Rows<4>(t, g.m); break;
#else
        default: Rows<2>(t, g.m); break;
#endif
      }
    }
    p += depth;
  }
}

#undef UNROLL

}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::internal {
namespace {
HWY_EXPORT(OwnGemm);
}
void own_gemm(const Gemm<float>& g, float* panel) { HWY_DYNAMIC_DISPATCH(OwnGemm)(g, panel); }
}  // namespace attune::internal
#endif
