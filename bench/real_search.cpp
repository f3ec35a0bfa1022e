// attune_real_search DIGITS_CSV SEEDS SAMPLER ...
// Live training, nothing looked up: a perceptron's settings on three tables, its score on the
// validation part. How many trials does a sampler need to reach what random search has reached
// after 100 (the median over the seeds)? A JSON line per table, sampler and seed, then a summary.
// SEEDS: 0-19. random is always measured, without the default configuration first; the others with
// it, unless _plain stands behind their name.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <exception>
#include <memory>
#include <numbers>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "attune/nn/activation.h"
#include "attune/nn/dropout.h"
#include "attune/nn/linear.h"
#include "attune/nn/sequential.h"
#include "attune/nn/split.h"
#include "attune/base/error.h"
#include "attune/tensor/io/csv.h"
#include "attune/base/threads.h"
#include "attune/tune/by_name.h"
#include "attune/tune/study.h"
#include "attune/tune/train/training.h"

using namespace attune;

namespace {

constexpr int64_t kTrials = 100;
constexpr int64_t kRows = 900;  // of the generated tables

struct Task {
  std::string name;
  nn::Dataset train, validation;
  int64_t inputs, outputs, epochs;
};

Task make_task(std::string name, const Tensor& x, const Tensor& y, int64_t outputs,
               int64_t epochs) {
  Rng rng = Rng(7).fork("split");
  const nn::Split parts =
      nn::split({x, y}, {.validation = 0.4, .test = 0, .stratify = !is_floating(y.dtype())}, rng);
  return {std::move(name), parts.train, parts.validation, x.size(1), outputs, epochs};
}

Task digits(const std::string& path) {
  const Tensor all = read_csv(path).to_tensor();  // 64 pixels of 0 to 16, and the digit
  return make_task("digits", all.narrow(1, 0, 64) / 16.0,
                   all.narrow(1, 64, 1).squeeze(1).cast(DType::i64), 10, 6);
}

// Two spirals of one and a half turns, in two of ten dimensions that are mixed by a random matrix;
// one label in thirty is wrong.
Task spirals() {
  Rng rng = Rng(7).fork("spirals");
  std::vector<float> x;
  std::vector<int64_t> y;
  for (int64_t i = 0; i < kRows; ++i) {
    const bool second = i % 2 == 1;
    const double t = std::sqrt(rng.uniform(0.02, 1)), turn = 3 * std::numbers::pi * t;
    const double sign = second ? -1 : 1;
    for (int j = 0; j < 10; ++j) {
      const double along = j == 0 ? std::cos(turn) : std::sin(turn);
      x.push_back(static_cast<float>(j < 2 ? 2.5 * sign * t * along + .08 * rng.normal()
                                           : .4 * rng.normal()));
    }
    y.push_back(second != (rng.uniform() < 1.0 / 30));
  }
  const Tensor mixing = Tensor::randn({10, 10}, rng) / std::sqrt(10.0);
  return make_task("spirals", Tensor::from(x, {kRows, 10}).matmul(mixing), Tensor::from(y, {kRows}),
                   2, 30);
}

// Friedman's first function (1991) of five of seven numbers, with a class that turns two of its
// terms around; unit noise beside a deviation of about 5.
Task friedman() {
  Rng rng = Rng(7).fork("friedman");
  std::vector<float> x, y;
  for (int64_t i = 0; i < kRows; ++i) {
    double u[7];
    for (double& one : u) one = rng.uniform();
    const uint64_t kind = rng.below(3);
    const double side = kind == 0 ? 1 : kind == 1 ? -1 : 0.3;
    const double value = 10 * std::sin(std::numbers::pi * u[0] * u[1]) +
                         20 * side * (u[2] - .5) * (u[2] - .5) + 10 * side * u[3] + 5 * u[4];
    for (const double one : u) x.push_back(static_cast<float>(3.4 * (one - .5)));
    for (uint64_t k = 0; k < 3; ++k) x.push_back(k == kind ? 1.0F : 0.0F);
    y.push_back(static_cast<float>((value + rng.normal() - 9) / 7));
  }
  return make_task("friedman", Tensor::from(x, {kRows, 10}), Tensor::from(y, {kRows, 1}), 1, 20);
}

tune::Space space() {
  using namespace tune;
  return {{"lr", log_range(1e-4, 1)},
          {"batch_size", powers_of_two(16, 128)},
          {"width", log_int_range(8, 64)},
          {"layers", int_range(1, 3)},
          {"weight_decay", log_range(1e-5, 1)},
          {"dropout", range(0, .5)},
          {"activation", choice({"relu", "tanh"})}};
}

double train(const Task& task, const tune::Params& params, tune::Trial& trial) {
  Rng weights = trial.rng("weights"), masks = trial.rng("dropout");
  const int64_t width = params.at("width"), layers = params.at("layers");
  const double dropout = params.at("dropout");
  nn::Sequential network;
  int64_t inputs = task.inputs;
  for (int64_t k = 0; k < layers; ++k) {
    network.add(nn::Linear(inputs, width, weights));
    if (params.at("activation") == "relu") {
      network.add(nn::ReLU{});
    } else {
      network.add(nn::Tanh{});
    }
    if (dropout > 0) {
      Rng own = masks.fork(k);
      network.add(nn::Dropout(dropout, own));
    }
    inputs = width;
  }
  network.add(nn::Linear(inputs, task.outputs, weights));
  const tune::TrainingSettings settings = tune::settings_from(params, {.epochs = task.epochs});
  return tune::train_scored(network, task.train, task.validation, settings, trial.rng("order"))
      .score;
}

struct Run {
  std::vector<double> best;  // score of the best trial so far, after each
  double seconds = 0;
};

// Ends early once `enough` is reached.
Run search(const Task& task, const std::string& name, uint64_t seed, double enough) {
  const bool plain = name.ends_with("_plain") || name == "random";
  const std::string sampler = name.substr(0, name.find("_plain"));
  const auto start = std::chrono::steady_clock::now();
  tune::Study study({.direction = tune::maximize,
                     .sampler = tune::sampler_by_name(sampler),
                     .seed = seed,
                     .space = space(),
                     .first = plain ? tune::First::sampler : tune::First::defaults});
  Run run;
  double best = -INFINITY;
  while (static_cast<int64_t>(run.best.size()) < kTrials && best < enough) {
    tune::Trial trial = study.ask();
    const double score = train(task, trial.suggest(space()), trial);
    study.tell(trial, score);
    if (score > best) best = score;
    run.best.push_back(best);
  }
  run.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return run;
}

double quantile(std::vector<double> values, double q) {
  std::sort(values.begin(), values.end());
  const double place = q * static_cast<double>(values.size() - 1);
  const size_t below = static_cast<size_t>(place), above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - std::floor(place)) * (values[above] - values[below]);
}

std::string summarize(const Task& task, const std::string& name, const std::vector<Run>& runs,
                      double target) {
  std::vector<double> needed;
  int never = 0;
  double seconds = 0;
  for (size_t k = 0; k < runs.size(); ++k) {
    const auto at = std::find_if(runs[k].best.begin(), runs[k].best.end(),
                                 [&](double best) { return best >= target; });
    const auto trials = at - runs[k].best.begin() + 1;
    never += at == runs[k].best.end();
    needed.push_back(static_cast<double>(trials));
    seconds += runs[k].seconds;
    fmt::print(R"({{"table": "{}", "opt": "{}", "run": {}, "target": {:.6f}, "trials": {}}})"
               "\n",
               task.name, name, k, target, trials);
  }
  std::fflush(stdout);
  return fmt::format("| {} | {:.4f} | {} | {:.1f} | {:.1f} to {:.1f} | {} of {} | {:.1f} |\n",
                     task.name, target, name, quantile(needed, .5), quantile(needed, .25),
                     quantile(needed, .75), never, runs.size(), seconds);
}

void run_all(const std::vector<std::string>& arguments) {
  const ThreadScope threads(1);
  const size_t dash = arguments[1].find('-');
  const uint64_t first = std::stoull(arguments[1]);
  const uint64_t last =
      dash == std::string::npos ? first : std::stoull(arguments[1].substr(dash + 1));
  std::string summary;
  for (const Task& task : {digits(arguments[0]), spirals(), friedman()}) {
    const auto runs_of = [&](const std::string& name, double enough) {
      std::vector<Run> runs;
      for (uint64_t seed = first; seed <= last; ++seed) {
        runs.push_back(search(task, name, seed, enough));
      }
      return runs;
    };
    const std::vector<Run> random = runs_of("random", INFINITY);
    std::vector<double> reached;
    for (const Run& run : random) reached.push_back(run.best.back());
    const double target = quantile(reached, .5);
    summary += summarize(task, "random", random, target);
    for (size_t k = 2; k < arguments.size(); ++k) {
      summary += summarize(task, arguments[k], runs_of(arguments[k], target), target);
    }
  }
  fmt::print(
      "\n| table | random's score after {} | sampler | trials to reach it, median | quartiles | "
      "never within {} | seconds |\n|---|---|---|---|---|---|---|\n{}",
      kTrials, kTrials, summary);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() < 2) {
    std::fputs("attune_real_search DIGITS_CSV SEEDS SAMPLER ...\n", stderr);
    return 2;
  }
  try {
    run_all(arguments);
  } catch (const std::exception& e) {
    std::fprintf(stderr, "attune_real_search: %s\n", e.what());
    return 2;
  }
}
