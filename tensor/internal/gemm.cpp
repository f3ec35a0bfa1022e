// Carrying out a planned product: its batch and its pieces over threads.

#include "attune/tensor/internal/gemm.h"

#include <omp.h>

#include <algorithm>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/flops.h"
#include "attune/tensor/internal/gemm_plan.h"
#include "attune/base/internal/parallel.h"

namespace attune::internal {

constinit thread_local int64_t flops_asked = 0;

namespace {

// The product at place i of the batch.
template <class T>
Gemm<T> at(Gemm<T> g, int64_t i) {
  const auto& [slow, fast] = g.batch;
  const int64_t outer = i / fast.count, inner = i % fast.count;
  g.a += outer * slow.a + inner * fast.a;
  g.b += outer * slow.b + inner * fast.b;
  g.c += outer * slow.c + inner * fast.c;
  return g;
}

// The rows from `row` and the columns from `column` that make a piece.
template <class T>
Gemm<T> piece(Gemm<T> g, const Plan& plan, int64_t row, int64_t column) {
  g.a += row * g.a_row;
  g.b += column * g.b_column;
  g.c += row * g.c_row + column;
  if (g.row_bias != nullptr) g.row_bias += row;
  if (g.column_bias != nullptr) g.column_bias += column;
  g.m = std::min(plan.rows, g.m - row);
  g.n = std::min(plan.columns, g.n - column);
  return g;
}

void compute(const Gemm<float>& g, const Plan& plan, float* scratch) {
  switch (plan.engine) {
    case Engine::blas: return blas_gemm(g);
    case Engine::tiles: return tile_gemm(g, plan, scratch);
    case Engine::dots: return dot_gemm(g);
  }
}
void compute(const Gemm<double>& g, const Plan&, float*) { blas_gemm(g); }

template <class T>
void compute_empty_sums(Gemm<T> g, int64_t count) {
  for (int64_t i = 0; i < count; ++i) {
    const Gemm<T> one = at(g, i);
    for (int64_t r = 0; r < g.m && !g.accumulate; ++r) {
      std::fill_n(one.c + r * g.c_row, g.n, T{});
    }
    finish(one);
  }
}

// Scratch memory of so many pieces at once.
float* take(int64_t floats, Tensor& memory) {
  if (floats == 0) return nullptr;
  memory = make({floats}, DType::f32);
  return elements<float>(memory);
}

template <class T>
void any_gemm(const Gemm<T>& g) {
  const int64_t count = g.batch[0].count * g.batch[1].count;
  if (g.m == 0 || g.n == 0 || count == 0) return;
  flops_asked += 2 * g.m * g.n * g.k * count;
  if (g.k == 0) return compute_empty_sums(g, count);
  Plan plan = plan_product(g);
  const int threads = usable_threads();
  // One thread need not cut what attune's kernel computes: no element depends on its piece.
  if (plan.engine != Engine::blas && threads == 1) plan.rows = g.m, plan.columns = g.n;
  Tensor memory;
  const bool by_rows = plan.rows < g.m;
  if (count == 1 && !by_rows && plan.columns == g.n) {
    return compute(g, plan, take(plan.scratch, memory));
  }
  const int64_t step = by_rows ? plan.rows : plan.columns;
  const int64_t pieces = ((by_rows ? g.m : g.n) + step - 1) / step;
  const int64_t cost = plan.rows * plan.columns * std::max<int64_t>(1, g.k / 16);
  // For all threads at once: nothing may be allocated inside a parallel region.
  float* scratch = take(plan.scratch * threads, memory);
  parallel_for(count * pieces, cost, [&](int64_t begin, int64_t end) {
    float* mine = scratch + (threads == 1 ? 0 : omp_get_thread_num() * plan.scratch);
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first = i % pieces * step;
      compute(piece(at(g, i / pieces), plan, by_rows ? first : 0, by_rows ? 0 : first), plan, mine);
    }
  });
}

}  // namespace

void gemm(const Gemm<float>& g) { any_gemm(g); }
void gemm(const Gemm<double>& g) { any_gemm(g); }

}  // namespace attune::internal
