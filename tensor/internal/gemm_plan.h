#pragma once
// How a product is going to be computed. All is decided here, from the shape and strides of the
// whole product, before it is cut: a piece that decided for itself would make the bits depend on
// where the cuts are.

#include <cstdint>

#include "attune/tensor/internal/gemm.h"

namespace attune::internal {

inline constexpr int64_t kPanelDepth = 256;  // of k in one go: a panel of B stays in the L1 cache
inline constexpr int64_t kBlockFloats = 48 * 1024;  // of a block of A: it stays in L2

enum class Engine : uint8_t { blas, tiles, dots };

struct Plan {
  Engine engine;
  bool pack_a, pack_b;    // engine tiles: they read panels of the factor; else where it lies
  int64_t rows, columns;  // of a piece of C; one of the two is all of C
  int64_t a_rows;         // of a block of A; whole tiles
  int64_t a_floats;       // of the scratch memory, for a packed block of A
  int64_t scratch;        // floats that a piece needs
};

Plan plan_product(const Gemm<float>& g);
Plan plan_product(const Gemm<double>& g);

// attune's kernel (gemm_kernel.cpp): a piece, on the calling thread, its batch aside. k >= 1.
void tile_gemm(const Gemm<float>& piece, const Plan& plan, float* scratch);
struct TileSize {
  int64_t rows, columns, lanes;  // lanes: the columns are a multiple of them
};
TileSize largest_tile();  // of this processor's kernel

// Dot products (gemm_dot.cpp), likewise: a_column and b_row are 1.
void dot_gemm(const Gemm<float>& piece);

// OpenBLAS (gemm_blas.cpp), likewise.
void blas_gemm(const Gemm<float>& piece);
void blas_gemm(const Gemm<double>& piece);

// C = activation(C + biases): what is left to do of a product when A B is added. Another
// activation than those of the kernel needs a line here, and gemm.cpp to call it for either side.
void finish(const Gemm<float>& piece);
void finish(const Gemm<double>& piece);

}  // namespace attune::internal
