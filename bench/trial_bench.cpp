// What a whole trial costs beside its objective: ask, five floats, tell, in memory.

#include <benchmark/benchmark.h>

#include <attune/tune.h>

namespace {

using namespace attune;

// A study of so many finished trials; the time is that of one trial, on average over all of them.
void trials(benchmark::State& state,
            const std::function<std::shared_ptr<tune::Sampler>()>& sampler) {
  for (auto _ : state) {
    tune::Study study({.sampler = sampler(), .seed = 1});
    study.optimize(
        [](tune::Trial& trial) -> tune::Outcome {
          double sum = 0;
          for (const char* name : {"x0", "x1", "x2", "x3", "x4"}) {
            const double x = trial.suggest_float(name, 0, 1) - 0.3;
            sum += x * x;
          }
          return sum;
        },
        {.trials = state.range(0)});
  }
  state.counters["s/trial"] = benchmark::Counter(
      static_cast<double>(state.range(0)),
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}
BENCHMARK_CAPTURE(trials, random, [] { return tune::random(); })->Arg(100)->Arg(1000)->Arg(100000);
BENCHMARK_CAPTURE(trials, sobol, [] { return tune::sobol(); })->Arg(100)->Arg(1000);
BENCHMARK_CAPTURE(trials, bayesian, [] { return tune::bayesian(); })
    ->Arg(100)
    ->Unit(benchmark::kMillisecond);

}  // namespace
