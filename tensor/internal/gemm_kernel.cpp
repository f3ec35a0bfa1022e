// attune's own f32 matrix product: register tiles of C over blocks of k.
//
// A tile of C, kRows x kVectors vectors, stays in registers while k runs: each step loads kVectors
// of B and multiplies them with kRows broadcast elements of A. The shape of the tile follows the
// width of what is left of C, so that narrow outputs (10 classes) keep as many multiply-adds in
// flight as wide ones. The plan says which factor is read in place and which from packed panels.
// After Goto and van de Geijn, "Anatomy of high-performance matrix multiplication" (2008), less
// what only large matrices need.
//
// An element of C is a sum over k in order, block by block, whatever tile or piece it is in.

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "attune/tensor/internal/gemm_plan.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE \
  "tensor/internal/gemm_kernel.cpp"  // compiled once per CPU: see docs/simd.md
#include "hwy/foreach_target.h"
#include "attune/tensor/internal/gemm_pack-inl.h"
#include "attune/tensor/internal/gemm_tile-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace attune::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;
using internal::Gemm;
using internal::kPanelDepth;
using internal::Plan;
using internal::TileSize;
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
constexpr auto kTileRows = static_cast<int64_t>(tile_rows(kMaxVectors));
constexpr int64_t kFarFloats = 1 << 16;  // a B of more is taken to lie beyond the L2 cache

struct TileArgs {
  const float* a;  // the tile's first row, at the first p of this block of k
  int64_t a_row, a_column;
  const float* b;  // the tile's first column, at the same p
  int64_t b_row;
  int64_t depth;
  float* c;
  int64_t c_row;
  size_t tail;                          // columns in the last vector
  bool add;                             // C holds a part of the sum
  const float *row_bias, *column_bias;  // null before the last block of k
  bool relu;                            // false before it
};

// The sums over the block of k.
template <size_t kRows, size_t kVectors>
HWY_INLINE void Accumulate(const TileArgs& t, Vec (&sum)[kRows][kVectors]) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  UNROLL for (size_t i = 0; i < kRows; ++i) {
    UNROLL for (size_t j = 0; j < kVectors; ++j) sum[i][j] = hn::Zero(d);
  }
  // One pointer per four rows of A: x86 addresses base, base + r, base + 2 r and base + 3 r alike.
  constexpr size_t kQuads = (kRows + 3) / 4;
  const int64_t row = t.a_row, column = t.a_column;
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
}

// Adds what C holds and the biases, rectifies, and stores; the last vector has t.tail columns.
template <bool kWhole, size_t kRows, size_t kVectors>
HWY_INLINE void Finish(const TileArgs& t, Vec (&sum)[kRows][kVectors]) {
  const D d;
  const size_t lanes = hn::Lanes(d);
  const auto load = [&](const float* from, size_t j) HWY_ATTR {
    return kWhole || j + 1 < kVectors ? hn::LoadU(d, from + j * lanes)
                                      : load_first(d, t.tail, from + j * lanes);
  };
  if (t.add) {
    UNROLL for (size_t i = 0; i < kRows; ++i) {
      UNROLL for (size_t j = 0; j < kVectors; ++j) {
        sum[i][j] = hn::Add(sum[i][j], load(t.c + static_cast<int64_t>(i) * t.c_row, j));
      }
    }
  }
  if (t.row_bias != nullptr) {
    UNROLL for (size_t i = 0; i < kRows; ++i) {
      const Vec bias = hn::Set(d, t.row_bias[i]);
      UNROLL for (size_t j = 0; j < kVectors; ++j) sum[i][j] = hn::Add(sum[i][j], bias);
    }
  }
  if (t.column_bias != nullptr) {
    UNROLL for (size_t j = 0; j < kVectors; ++j) {
      const Vec bias = load(t.column_bias, j);
      UNROLL for (size_t i = 0; i < kRows; ++i) sum[i][j] = hn::Add(sum[i][j], bias);
    }
  }
  if (t.relu) {
    UNROLL for (size_t i = 0; i < kRows; ++i) {
      UNROLL for (size_t j = 0; j < kVectors; ++j) {
        // Not Max: it would turn NaN into 0.
        sum[i][j] = hn::IfThenZeroElse(hn::Lt(sum[i][j], hn::Zero(d)), sum[i][j]);
      }
    }
  }
  UNROLL for (size_t i = 0; i < kRows; ++i) {
    float* c = t.c + static_cast<int64_t>(i) * t.c_row;
    UNROLL for (size_t j = 0; j + 1 < kVectors; ++j) hn::StoreU(sum[i][j], d, c + j * lanes);
    constexpr size_t kLast = kVectors - 1;
    kWhole ? hn::StoreU(sum[i][kLast], d, c + kLast * lanes)
           : store_first(d, t.tail, sum[i][kLast], c + kLast * lanes);
  }
}

template <size_t kRows, size_t kVectors>
HWY_NOINLINE void Tile(const TileArgs& t) {
  Vec sum[kRows][kVectors];
  Accumulate(t, sum);
  // Masked stores take tens of cycles on AMD's AVX2 processors.
  t.tail == hn::Lanes(D()) ? Finish<true>(t, sum) : Finish<false>(t, sum);
}

// All row counts of one width: table[rows - 1].
template <size_t kVectors, size_t... kIndex>
constexpr auto tile_table(std::index_sequence<kIndex...>) {
  return std::array<void (*)(const TileArgs&), sizeof...(kIndex)>{&Tile<kIndex + 1, kVectors>...};
}

// What the next panel of B is made of: so many runs of floats, `stride` apart. A large B lies
// beyond L2 and no other panel follows in memory, so it is fetched while this one is computed with.
struct Ahead {
  const float* from;
  int64_t runs, length, stride;

  HWY_INLINE void Fetch(int64_t first, int64_t last) const {
    constexpr int64_t kLine = 16;
    for (int64_t run = first; run < last; ++run) {
      for (int64_t i = 0; i < length; i += kLine) __builtin_prefetch(from + run * stride + i, 0, 2);
    }
  }
};

// One panel of columns. A is read in place, or from the panels of PackBlock.
template <size_t kVectors>
void Rows(TileArgs t, int64_t m, bool packed, const Ahead& ahead) {
  static constexpr auto table =
      tile_table<kVectors>(std::make_index_sequence<tile_rows(kVectors)>{});
  const int64_t most = packed ? kTileRows : static_cast<int64_t>(tile_rows(kVectors));
  ForTiles(m, most, [&](int64_t i, int64_t rows) HWY_ATTR {
    if (ahead.runs > 0) ahead.Fetch(ahead.runs * i / m, ahead.runs * (i + rows) / m);
    if (packed) t.a_row = 1, t.a_column = rows;
    table[static_cast<size_t>(rows - 1)](t);
    t.a += rows * (packed ? t.depth : t.a_row);
    t.c += rows * t.c_row;
    if (t.row_bias != nullptr) t.row_bias += rows;
  });
}

void Columns(const TileArgs& t, int64_t m, bool packed, int64_t vectors, const Ahead& ahead) {
  switch (vectors) {
    case 1: return Rows<1>(t, m, packed, ahead);
#if HWY_TARGET <= HWY_AVX3
    case 2: return Rows<2>(t, m, packed, ahead);
    case 3: return Rows<3>(t, m, packed, ahead);
#endif
    default: return Rows<kMaxVectors>(t, m, packed, ahead);
  }
}

// Rows of A, tile by tile.
void PackBlock(const float* a, const Gemm<float>& g, int64_t rows, int64_t depth, float* to) {
  ForTiles(rows, kTileRows, [&](int64_t i, int64_t n) HWY_ATTR {
    PackPanel(a + i * g.a_row, g.a_column, g.a_row, {to + i * depth, depth, n, n});
  });
}

// Rows [begin, end) of C, over one block of k.
void Block(const Gemm<float>& g, const Plan& plan, int64_t begin, int64_t end, int64_t p,
           int64_t depth, float* scratch) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(D()));
  const int64_t widest = static_cast<int64_t>(kMaxVectors) * lanes;
  const bool last = p + depth == g.k;
  const float* a = g.a + begin * g.a_row + p * g.a_column;
  float* panel = scratch + plan.a_floats;
  if (plan.pack_a) PackBlock(a, g, end - begin, depth, scratch);
  for (int64_t j = 0; j < g.n; j += widest) {
    const int64_t width = std::min(widest, g.n - j);
    const int64_t vectors = (width + lanes - 1) / lanes;
    const int64_t tail = width - (vectors - 1) * lanes;
    const float* b = g.b + p * g.b_row + j * g.b_column;
    // A vector that reaches beyond B's last column may be read only from a panel.
    const bool packed = plan.pack_b || tail != lanes;
    if (packed) PackPanel(b, g.b_row, g.b_column, {panel, depth, width, vectors * lanes});
    const int64_t next = std::min(widest, g.n - j - width);
    Ahead ahead{b + width * g.b_column, depth, next, g.b_row};
    if (g.b_column != 1) ahead = {ahead.from, next, depth, g.b_column};
    // Few rows are over before it pays.
    if (next == 0 || g.k * g.n < kFarFloats || end - begin < 8 * kTileRows) ahead.runs = 0;
    Columns({.a = plan.pack_a ? scratch : a,
             .a_row = g.a_row,
             .a_column = g.a_column,
             .b = packed ? panel : b,
             .b_row = packed ? vectors * lanes : g.b_row,
             .depth = depth,
             .c = g.c + begin * g.c_row + j,
             .c_row = g.c_row,
             .tail = static_cast<size_t>(tail),
             .add = p > 0 || g.accumulate,
             .row_bias = last && g.row_bias != nullptr ? g.row_bias + begin : nullptr,
             .column_bias = last && g.column_bias != nullptr ? g.column_bias + j : nullptr,
             .relu = last && g.activation == Activation::relu},
            end - begin, plan.pack_a, vectors, ahead);
  }
}

void TileGemm(const Gemm<float>& g, const Plan& plan, float* scratch) {
  const int64_t blocks = (g.k + kPanelDepth - 1) / kPanelDepth;
  for (int64_t i = 0; i < g.m; i += plan.a_rows) {
    for (int64_t block = 0, p = 0; block < blocks; ++block) {
      const int64_t depth = (g.k - p + blocks - block - 1) / (blocks - block);
      Block(g, plan, i, std::min(i + plan.a_rows, g.m), p, depth, scratch);
      p += depth;
    }
  }
}

TileSize LargestTile() {
  return {kTileRows, static_cast<int64_t>(kMaxVectors * hn::Lanes(D())),
          static_cast<int64_t>(hn::Lanes(D()))};
}

}  // namespace
}  // namespace attune::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace attune::internal {
namespace {
HWY_EXPORT(TileGemm);
HWY_EXPORT(LargestTile);
}  // namespace
void tile_gemm(const Gemm<float>& piece, const Plan& plan, float* scratch) {
  HWY_DYNAMIC_DISPATCH(TileGemm)(piece, plan, scratch);
}
TileSize largest_tile() { return HWY_DYNAMIC_DISPATCH(LargestTile)(); }
}  // namespace attune::internal
#endif
