// What one small op costs, with and without a tape, what the common large ones reach, and every op
// of the table of ops: op/NAME/SIZE is its result, grad/NAME/SIZE its result and its gradients.

#include <benchmark/benchmark.h>

#include <attune/tensor.h>

#include <string>
#include <vector>

#include "tests/tensor/op_table.h"

namespace {

using namespace attune;

void add_one_element(benchmark::State& state) {
  const Tensor a = Tensor::ones({1}), b = Tensor::ones({1});
  for (auto _ : state) benchmark::DoNotOptimize(a + b);
}
BENCHMARK(add_one_element);

// A chain, so that each op's recording counts; the tape is made and dropped once per 100.
void add_one_element_recorded(benchmark::State& state) {
  const Tensor a = Tensor::ones({1}), b = Tensor::ones({1});
  while (state.KeepRunningBatch(100)) {
    const Tape tape({a});
    for (int i = 0; i < 100; ++i) benchmark::DoNotOptimize(a + b);
  }
}
BENCHMARK(add_one_element_recorded);

void product_sum_and_gradient(benchmark::State& state) {
  const Tensor a = Tensor::ones({4}), b = Tensor::ones({4});
  for (auto _ : state) {
    Tape tape({a, b});
    benchmark::DoNotOptimize(tape.gradient((a * b).sum(), {a, b}));
  }
}
BENCHMARK(product_sum_and_gradient);

void empty_tensor(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(Tensor::empty({4}));
}
BENCHMARK(empty_tensor);

template <Tensor (*f)(const Tensor&)>
void elementwise(benchmark::State& state) {
  const ThreadScope one(1);
  Rng rng(1);
  const Tensor x = Tensor::randn({state.range(0)}, rng);
  for (auto _ : state) benchmark::DoNotOptimize(f(x));
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
Tensor exp_of(const Tensor& x) { return x.exp(); }
Tensor tanh_of(const Tensor& x) { return x.tanh(); }
Tensor gelu_of(const Tensor& x) { return x.gelu(); }
Tensor sigmoid_of(const Tensor& x) { return x.sigmoid(); }
Tensor sum_of(const Tensor& x) { return x.sum(); }
Tensor double_of(const Tensor& x) { return x + x; }
Tensor permuted(const Tensor& x) { return x.reshape({-1, 100}).t().contiguous(); }
Tensor softmaxed(const Tensor& x) { return x.reshape({-1, 100}).softmax(); }
BENCHMARK(elementwise<exp_of>)->Arg(100000);
BENCHMARK(elementwise<tanh_of>)->Arg(100000);
BENCHMARK(elementwise<gelu_of>)->Arg(100000);
BENCHMARK(elementwise<sigmoid_of>)->Arg(100000);
BENCHMARK(elementwise<sum_of>)->Arg(100000);
BENCHMARK(elementwise<double_of>)->Arg(1000)->Arg(100000)->Arg(10000000);
BENCHMARK(elementwise<permuted>)->Arg(1000000);
BENCHMARK(elementwise<softmaxed>)->Arg(100000);

// ---- The table ----

void result(benchmark::State& state, const ops::Row& row, ops::Size size) {
  const ThreadScope one(1);
  const std::vector<Tensor> in = ops::operands(row, size, DType::f32);
  for (auto _ : state) benchmark::DoNotOptimize(row.call(in));
}

void gradients(benchmark::State& state, const ops::Row& row, ops::Size size) {
  const ThreadScope one(1);
  const std::vector<Tensor> in = ops::operands(row, size, DType::f32);
  std::vector<Tensor> floating;
  for (const Tensor& x : in) {
    if (is_floating(x.dtype())) floating.push_back(x);
  }
  for (auto _ : state) {
    Tape tape(floating);
    benchmark::DoNotOptimize(tape.gradient(row.call(in).sum(), floating));
  }
}

const bool registered = [] {
  for (const ops::Family& family : ops::families()) {
    for (const ops::Row& row : family.rows) {
      if (row.call == nullptr || row.in.count == 0) continue;
      std::string name = row.name;
      if (*row.signature == '\0') name += std::string(", ") + row.text;
      for (const ops::Size size : {ops::Size{8, 8}, ops::Size{1000, 100}}) {
        const std::string suffix = name + "/" + std::to_string(size.m * size.n);
        benchmark::RegisterBenchmark(("op/" + suffix).c_str(), result, row, size);
        if (!ops::has_gradient(row)) continue;
        benchmark::RegisterBenchmark(("grad/" + suffix).c_str(), gradients, row, size);
      }
    }
  }
  return true;
}();

}  // namespace
