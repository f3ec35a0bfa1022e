// The products of small networks: attune's own kernel and OpenBLAS, in turn. internal/gemm.cpp
// chooses between the two by what this shows.

#include <benchmark/benchmark.h>
#include <cblas.h>

#include <attune/tensor.h>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/gemm.h"
#include "attune/tensor/internal/parallel.h"

namespace {

using namespace attune;
using internal::Gemm;

enum Who : int64_t { kOwn, kBlas };

// Arguments: who, m, n, k, whether A and B are transposed.
void product(benchmark::State& state) {
  const int64_t m = state.range(1), n = state.range(2), k = state.range(3);
  const bool ta = state.range(4) != 0, tb = state.range(5) != 0;
  Rng rng(1);
  const Tensor a = Tensor::randn({m * k}, rng), b = Tensor::randn({k * n}, rng),
               c = Tensor::empty({m * n});
  const Tensor panel = Tensor::empty({internal::kPanelFloats});
  const Gemm<float> g{.m = m,
                      .n = n,
                      .k = k,
                      .a = internal::elements<float>(a),
                      .a_row = ta ? 1 : k,
                      .a_column = ta ? m : 1,
                      .b = internal::elements<float>(b),
                      .b_row = tb ? 1 : n,
                      .b_column = tb ? k : 1,
                      .c = internal::elements<float>(c),
                      .c_row = n};
  const internal::OneBlasThread one;
  for (auto _ : state) {
    if (state.range(0) == kOwn) {
      internal::own_gemm(g, internal::elements<float>(panel));
    } else {
      const auto size = [](int64_t v) { return static_cast<int>(v); };
      cblas_sgemm(CblasRowMajor, ta ? CblasTrans : CblasNoTrans, tb ? CblasTrans : CblasNoTrans,
                  size(m), size(n), size(k), 1, g.a, size(ta ? m : k), g.b, size(tb ? k : n), 0,
                  g.c, size(n));
    }
    benchmark::ClobberMemory();
  }
  state.counters["GFLOP/s"] = benchmark::Counter(2e-9 * static_cast<double>(m * n * k),
                                                 benchmark::Counter::kIsIterationInvariantRate);
}

void shapes(benchmark::internal::Benchmark* rows) {
  rows->ArgNames({"who", "m", "n", "k", "ta", "tb"});
  for (const auto& [m, n, k, ta, tb] :
       std::initializer_list<std::array<int64_t, 5>>{{16, 128, 64, 0, 1},
                                                     {64, 128, 64, 0, 1},
                                                     {128, 64, 64, 1, 0},
                                                     {64, 64, 128, 0, 0},
                                                     {64, 10, 128, 0, 1},
                                                     {10, 128, 64, 1, 0},
                                                     {64, 128, 10, 0, 0},
                                                     {64, 64, 64, 0, 1},
                                                     {64, 128, 784, 0, 1},
                                                     {128, 784, 64, 1, 0},
                                                     {128, 512, 784, 0, 1},
                                                     {512, 784, 128, 1, 0},
                                                     {1, 128, 64, 0, 1},
                                                     {4, 512, 784, 0, 1},
                                                     {256, 256, 256, 0, 0},
                                                     {1024, 1024, 1024, 0, 0}}) {
    for (const Who who : {kOwn, kBlas}) rows->Args({who, m, n, k, ta, tb});
  }
}
BENCHMARK(product)->Apply(shapes);

}  // namespace
