// What a whole trial costs beside its objective: ask, five floats, tell, in memory.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include <benchmark/benchmark.h>

#include <attune/tune.h>

namespace {

using namespace attune;

// A row per sampler. One that this build does not know is left out.
struct Row {
  const char* sampler;
  std::vector<int64_t> studies;   // whole studies of so many trials: the mean over all of them
  std::vector<int64_t> finished;  // the trials that follow after so many finished ones
};

const std::vector<Row>& rows() {
  static const std::vector<Row> all = {
      {"random", {100, 1000, 100'000}, {100'000}}, {"sobol", {100, 1000, 100'000}, {}},
      {"tpe", {100, 1000}, {100, 1000, 100'000}},  {"cmaes", {100, 1000, 100'000}, {100'000}},
      {"bayesian", {100}, {100, 1000, 100'000}},   {"automatic", {100}, {1000}},
  };
  return all;
}

constexpr const char* kNames[] = {"x0", "x1", "x2", "x3", "x4"};

tune::Outcome objective(tune::Trial& trial) {
  double sum = 0;
  for (const char* name : kNames) {
    const double x = trial.suggest_float(name, 0, 1) - 0.3;
    sum += x * x;
  }
  return sum;
}

void per_trial(benchmark::State& state, double trials) {
  state.counters["s/trial"] = benchmark::Counter(
      trials, benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

void whole(benchmark::State& state, const std::string& sampler) {
  for (auto _ : state) {
    tune::Study study({.sampler = tune::sampler_by_name(sampler), .seed = 1});
    study.optimize(objective, {.trials = state.range(0)});
  }
  per_trial(state, static_cast<double>(state.range(0)));
}

// The finished trials are given values from outside, so that any number of them is quickly there;
// the sampler's first answer after them, where it may read them all, is not in the time.
void after(benchmark::State& state, const std::string& sampler) {
  tune::Study study({.sampler = tune::sampler_by_name(sampler), .seed = 1});
  Rng rng(2);
  for (int64_t k = 0; k < state.range(0); ++k) {
    tune::Params params;
    for (const char* name : kNames) params.set(name, rng.uniform());
    study.enqueue(params);
    study.step(objective);
  }
  study.step(objective);
  for (auto _ : state) study.step(objective);
  per_trial(state, 1);
}

const bool registered = [] {
  for (const Row& row : rows()) {
    const std::string name = row.sampler;
    try {
      tune::sampler_by_name(name);
    } catch (const ValueError&) {
      continue;
    }
    const auto add = [](const std::string& title, auto run, const std::string& sampler) {
      return benchmark::RegisterBenchmark(
          title.c_str(), [run, sampler](benchmark::State& state) { run(state, sampler); });
    };
    for (const int64_t count : row.studies) add("trials/" + name, whole, name)->Arg(count);
    for (const int64_t count : row.finished) {
      add("trials_after/" + name, after, name)->Arg(count)->Iterations(20);
    }
  }
  return true;
}();

}  // namespace
