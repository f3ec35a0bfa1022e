#pragma once
// An objective that learns step by step and keeps its state, for tests of what pauses and forks.

#include <cmath>
#include <cstdint>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/study.h"

namespace attune::tune::test {

inline constexpr int64_t kLearnerSteps = 12;

// One step of training: what it yields depends on all steps before, bit for bit.
inline double learn(double& weight, Rng& noise, double rate, double width) {
  weight += rate * (3 - weight) + 0.01 * noise.uniform();
  return std::pow(weight - 3, 2) + 0.1 * std::abs(width - 4);
}

struct Learner {
  bool keeps = true;
  int64_t every = 1;     // steps between two reports
  bool stumbles = true;  // some trials throw, and some report NaN
  std::mutex mutex = {};
  std::map<std::pair<int64_t, int64_t>, int> runs = {};  // of a trial's step

  Outcome operator()(Trial& t) {
    const double rate = t.suggest_float("rate", 0.01, 0.9, log);
    const int64_t width = t.suggest_int("width", 1, 8);
    double weight = 0, loss = 0;
    Rng noise = t.rng("noise");
    if (keeps) {
      t.checkpointable(weight);
      t.checkpointable(noise);
    }
    for (int64_t step = t.first_step(); step < kLearnerSteps; ++step) {
      {
        const std::lock_guard lock(mutex);
        ++runs[{t.number(), step}];
      }
      loss = learn(weight, noise, rate, static_cast<double>(width));
      if (stumbles && t.number() % 7 == 3 && step == 4) throw std::runtime_error("out of luck");
      if (step % every != every - 1) continue;
      if (stumbles && t.number() % 11 == 5 && step > 1) loss = std::nan("");
      if (t.report(step, loss).should_stop()) return t.stopped();
    }
    return loss;
  }

  int most_runs() const {  // of one step
    int most = 0;
    for (const auto& [step, count] : runs) most = std::max(most, count);
    return most;
  }
};

}  // namespace attune::tune::test
