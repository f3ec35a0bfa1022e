// attune_report_studies FILE.db: studies for the test of reports (page/test.mjs), of the kinds that
// have broken pages: names that are markup, failures, NaN, missing parameters, three objectives,
// and ten thousand trials.

#include <cmath>
#include <iostream>
#include <stdexcept>
#include <string>

#include "attune/tune.h"

using namespace attune;
using namespace attune::tune;

namespace {

Outcome markup(Trial& trial) {
  const double lr = trial.suggest_float("lr", 1e-4, 1e-1, tune::log);
  const int64_t layers = trial.suggest_int("layers", 1, 6);
  const std::string activation = trial.suggest_categorical(
      "activation </b>", {"relu", "gelu", "<img src=x onerror=alert(2)>"});
  if (activation == "relu") trial.suggest_float("slope", 0, 0.3);
  if (trial.number() % 13 == 5)
    throw std::runtime_error("out of memory: <b>layer 3</b>\nwants 2 GiB");
  if (trial.number() % 29 == 7) return std::nan("");
  const double off = std::log10(lr) + 2.5, deep = static_cast<double>(layers) - 3;
  const double quality = 1 - 0.1 * off * off - 0.01 * deep * deep;
  Rng noise = trial.rng("noise");
  for (int epoch = 0; epoch < 20; ++epoch) {
    const double value = quality * (1 - std::exp(-0.3 * (epoch + 1))) + 0.004 * noise.normal();
    if (trial.report(epoch, value).should_stop()) return trial.stopped();
  }
  trial.set_attribute("note", "a \"quoted\", text; =1+1");
  return quality + 0.004 * noise.normal();
}

Outcome three(Trial& trial) {
  const double x = trial.suggest_float("x", 0, 1), y = trial.suggest_float("y", 0, 1);
  return {x * x + y, (1 - x) * (1 - x) + y, y * x};
}

Outcome many(Trial& trial) {
  double sum = 0;
  for (int i = 0; i < 8; ++i) {
    const double x = trial.suggest_float("x" + std::to_string(i), 0, 1) - 0.3;
    sum += (i + 1) * x * x;
  }
  for (int step = 0; step < 10; ++step) trial.report(step, sum * (1 + 1.0 / (step + 1)));
  return sum;
}

// Learns at a rate that should fall: populations find it, and the pictures have forks.
Outcome schedule(Trial& trial) {
  const double rate = trial.suggest_float("rate", 1e-3, 1, tune::log);
  double distance = 1;
  trial.checkpointable(distance);
  for (int64_t step = trial.first_step(); step < 24; ++step) {
    const double target = std::pow(10, -0.125 * static_cast<double>(step));
    distance *= 1 - 0.35 * std::exp(-std::pow(std::log10(rate / target), 2));
    if (trial.report(step, distance).should_stop()) return trial.stopped();
  }
  return distance;
}

// Some configurations break a limit, and trials are paused.
Outcome limited(Trial& trial) {
  const double x = trial.suggest_float("x", 0, 1), width = trial.suggest_float("width", 1, 64);
  trial.set_constraint("memory", width * x - 24);
  double seen = 0;
  trial.checkpointable(seen);
  for (int64_t step = trial.first_step(); step < 27; ++step) {
    seen = width * x / 64 * (1 - std::exp(-0.2 * static_cast<double>(step + 1)));
    if (trial.report(step, seen).should_stop()) return trial.stopped();
  }
  return seen;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) {
    std::cerr << "usage: attune_report_studies FILE.db\n";
    return 2;
  }
  const std::string url = std::string("sqlite:///") + arguments[1];
  Study({.name = "</script><img src=x onerror=alert(1)>",
         .storage = url,
         .direction = maximize,
         .pruner = median(),
         .seed = 3})
      .optimize(markup, {.trials = 80});
  Study({.name = "small", .storage = url, .seed = 1})
      .optimize([](Trial& trial) -> Outcome { return trial.suggest_float("x", -1, 1); },
                {.trials = 20});
  Study({.name = "three", .storage = url, .directions = {minimize, minimize, maximize}, .seed = 1})
      .optimize(three, {.trials = 60});
  Study({.name = "many", .storage = url, .sampler = tune::random(), .seed = 1})
      .optimize(many, {.trials = 10000});
  Study({.name = "population", .storage = url, .scheduler = population({.size = 8}), .seed = 4})
      .optimize(schedule, {.trials = 40, .jobs = 2});
  Study({.name = "limited", .storage = url, .direction = maximize, .scheduler = asha(), .seed = 5})
      .optimize(limited, {.trials = 40, .jobs = 2});
  Study({.name = "empty", .storage = url, .seed = 1});
}
