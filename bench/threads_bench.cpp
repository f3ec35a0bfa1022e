// From which size on a second thread pays: internal/parallel.h's kParallelWork stands on this.

#include <benchmark/benchmark.h>

#include <attune/tensor.h>

namespace {

using namespace attune;

void add_on_threads(benchmark::State& state) {
  const ThreadScope scope(static_cast<int>(state.range(1)));
  const Tensor x = Tensor::ones({state.range(0)});
  for (auto _ : state) benchmark::DoNotOptimize(x + x);
}
BENCHMARK(add_on_threads)
    ->ArgNames({"n", "threads"})
    ->ArgsProduct({{16384, 65536, 262144, 1048576}, {1, 2}});

void matmul_on_threads(benchmark::State& state) {
  const ThreadScope scope(static_cast<int>(state.range(1)));
  Rng rng(1);
  const Tensor x = Tensor::randn({state.range(0), state.range(0)}, rng);
  for (auto _ : state) benchmark::DoNotOptimize(x.matmul(x));
}
BENCHMARK(matmul_on_threads)
    ->ArgNames({"n", "threads"})
    ->ArgsProduct({{128, 256, 512, 1024}, {1, 2}});

}  // namespace
