#include "attune/tensor/internal/gemm_plan.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "attune/tensor/internal/check.h"

namespace attune::internal {
namespace {

// Pieces of about this much work (a few hundred microseconds), cut by the shape alone: OpenBLAS may
// add in another order when the shape of its piece changes. It also packs the whole of the other
// factor for each piece, so it gets larger ones.
template <class T>
void cut(const Gemm<T>& g, Plan& plan) {
  constexpr int64_t kWork = int64_t{1} << 25;
  const int64_t step = plan.engine == Engine::blas ? 128 : 64;
  plan.rows = g.m, plan.columns = g.n;
  const int64_t work = g.m * g.n * g.k;
  int64_t& extent = g.m >= g.n ? plan.rows : plan.columns;
  if (work <= kWork || extent <= step) return;
  const int64_t wanted = (work + kWork - 1) / kWork;
  extent = std::min(extent, std::max(step, (extent / wanted + step - 1) / step * step));
}

// Whether rows of `width` floats, `stride` apart, push each other out of the L1 cache before they
// are read again, or lie in more pages than the first TLB knows. The cache is taken to have 64 sets
// of 64 bytes, the TLB 64 pages of 4 KiB; half of the cache's eight ways and a fifth of the TLB
// are left to the other factor and to C.
bool crowded(int64_t rows, int64_t stride, int64_t width) {
  constexpr int64_t kLine = 16, kSets = 64, kWays = 4, kPage = 1024, kPages = 52;
  if (std::min(rows, rows * stride / kPage) > kPages) return true;
  const int64_t lines = (width + kLine - 1) / kLine;
  const int64_t apart = int64_t{1}
                        << std::countr_zero(static_cast<uint64_t>(stride) | (kSets * kLine));
  const int64_t starts = kSets * kLine / std::max(apart, kLine);
  return rows * lines > kWays * std::min(kSets, starts * lines);
}

template <class T>
bool fits_blas(const Gemm<T>& g) {
  const int64_t longest =
      std::max({g.m, g.n, g.k, g.a_row, g.a_column, g.b_row, g.b_column, g.c_row});
  return longest <= std::numeric_limits<int>::max();
}

// Where both factors are contiguous along k, dot products do without the packing of B and without
// the lanes that a narrow C leaves unused, and have to add up their lanes. In units of a
// multiply-add, for an element of C (bench/gemm_bench.cpp):
bool dots_are_faster(const Gemm<float>& g, int64_t lanes) {
  constexpr int64_t kPack = 5, kAddUp = 320;
  if (g.a_column != 1 || g.b_row != 1) return false;
  const int64_t unused = (lanes - g.n % lanes) % lanes;
  return g.k * unused * g.m + kPack * g.k * g.n > kAddUp / lanes * g.m * g.n;
}

Engine engine_for(const Gemm<float>& g, const TileSize& tile) {
  if (dots_are_faster(g, tile.lanes)) return Engine::dots;
  return g.m >= 1024 && g.n >= 1024 && g.k >= 1024 && fits_blas(g) ? Engine::blas : Engine::tiles;
}

}  // namespace

Plan plan_product(const Gemm<float>& g) {
  Plan plan{};
  const TileSize tile = largest_tile();
  plan.engine = engine_for(g, tile);
  cut(g, plan);
  if (plan.engine != Engine::tiles) return plan;
  const int64_t depth = std::min(g.k, kPanelDepth), width = std::min(g.n, tile.columns);
  // A step of k in a tile of 16 registers is over before the next line of A is there from L2. In
  // one of 32 it is not, and fewer panels of columns would share the cost of packing.
  plan.pack_a =
      g.n >= 256 && tile.rows * tile.columns <= 128 &&
      (g.a_row == 1 ? crowded(depth, g.a_column, tile.rows) : crowded(tile.rows, g.a_row, 1));
  plan.pack_b = g.b_column != 1 || (g.m >= 8 * tile.rows && crowded(depth, g.b_row, width));
  const int64_t blocks = (g.m * depth + kBlockFloats - 1) / kBlockFloats;
  plan.a_rows = ((g.m + blocks - 1) / blocks + tile.rows - 1) / tile.rows * tile.rows;
  if (plan.pack_a) plan.a_floats = plan.a_rows * depth + tile.columns;
  if (plan.pack_b || g.n % tile.lanes != 0) plan.scratch = tile.columns * depth;
  plan.scratch += plan.a_floats;
  return plan;
}

Plan plan_product(const Gemm<double>& g) {
  check<ShapeError>(fits_blas(g), "a product of f64 matrices with more than {} rows or columns",
                    std::numeric_limits<int>::max());
  Plan plan{};
  cut(g, plan);
  return plan;
}

}  // namespace attune::internal
