// What budgets cost, and what they bring: attune_budget_costs [PART ...]
//   speed       trials a second with a trivial objective, in memory
//   isolation   a trial in a process of its own
//   forks       a fork of a network in memory: time, and bytes copied
//   disasters   ten thousand trials of which a third throw, crash, hang or take too much memory
//   schedules   populations against the best fixed setting at the same steps, 20 seeds
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "attune/nn.h"
#include "attune/optim.h"
#include "attune/tensor.h"
#include "attune/tune.h"

using namespace attune;
using namespace std::chrono_literals;

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

double resident_megabytes() {
  std::ifstream file("/proc/self/statm");
  int64_t all = 0, resident = 0;
  file >> all >> resident;
  return static_cast<double>(resident * sysconf(_SC_PAGESIZE)) / (1 << 20);
}

void speed() {
  constexpr int64_t kTrials = 300'000;
  for (const int params : {0, 1, 2}) {
    for (const int jobs : {1, 2}) {
      std::vector<double> rates;
      for (int run = 0; run < 5; ++run) {
        tune::Study study({.sampler = tune::random(), .seed = 1});
        const auto begin = Clock::now();
        study.optimize(
            [&](tune::Trial& t) -> tune::Outcome {
              const double x = params > 0 ? t.suggest_float("x", -10, 10) : 0;
              const double y = params > 1 ? t.suggest_float("y", -10, 10) : 0;
              return x * x + y;
            },
            {.trials = kTrials, .jobs = jobs});
        rates.push_back(kTrials / seconds_since(begin));
      }
      std::sort(rates.begin(), rates.end());
      fmt::print(
          "speed: {} parameters, {} jobs: {:.0f} trials a second (median of 5, {:.0f} to "
          "{:.0f})\n",
          params, jobs, rates[2], rates.front(), rates.back());
    }
  }
}

void isolation() {
  for (const int megabytes : {0, 256}) {
    const std::vector<char> host(static_cast<size_t>(megabytes) << 20, 'x');  // the host's memory
    for (const int jobs : {1, 2}) {
      constexpr int64_t kTrials = 1000;
      tune::Study study({.sampler = tune::random(), .seed = 1});
      const auto begin = Clock::now();
      study.optimize(
          [&](tune::Trial& t) -> tune::Outcome {
            return t.suggest_float("x", 0, 1) + (host.empty() ? 0 : host.back());
          },
          {.trials = kTrials, .jobs = jobs, .isolate = true});
      fmt::print("isolation: {} jobs, {} MB more in the host: {:.0f} us a trial\n", jobs, megabytes,
                 1e6 * seconds_since(begin) / kTrials);
    }
  }
  tune::Study study({.sampler = tune::random(), .seed = 1});
  study.optimize(
      [](tune::Trial& t) -> tune::Outcome {
        const auto begin = Clock::now();
        for (int64_t step = 0; step < 1000; ++step) t.report(step, 1);
        return 1e3 * seconds_since(begin);
      },
      {.trials = 3, .isolate = true});
  fmt::print("isolation: {:.1f} us a report\n", study.best_trial().value);
}

// Pauses trial 0 after its first step, and then makes forks of it.
class ForkAgain : public tune::Scheduler {
 public:
  tune::Verdict after(const tune::TrialRecord& trial, const tune::History&) const override {
    return trial.number == 0 ? tune::Verdict::pause : tune::Verdict::go_on;
  }
  tune::Next next(const tune::Situation& now) const override {
    if (now.history.trials().empty() || !now.may_start) return {};
    return tune::Next::fork(0, {{"rate", 0.5}});
  }
};

void forks() {
  for (const int64_t width : {64, 1024}) {
    std::vector<double> times;
    int64_t copied = 0, parameters = 0;
    Clock::time_point before;
    tune::Study study({.sampler = tune::random(), .scheduler = std::make_shared<ForkAgain>()});
    study.optimize(
        [&](tune::Trial& t) -> tune::Outcome {
          if (t.parent()) times.push_back(1e6 * seconds_since(before));
          t.suggest_float("rate", 0, 1);
          Rng rng = t.rng("weights");
          nn::Sequential net{nn::Linear(width, width, rng), nn::ReLU{},
                             nn::Linear(width, width, rng)};
          optim::Adam adam({.learning_rate = 1e-3});
          const int64_t live = memory_stats().live;
          const auto begin = Clock::now();
          t.checkpointable(net);
          t.checkpointable(adam);
          if (t.parent()) {
            times.back() += 1e6 * seconds_since(begin);
            // What it now holds beyond what it had made itself, which it gives up.
            copied = std::max(copied, memory_stats().live - live);
          }
          parameters = 0;
          for (const Tensor& p : net.parameters()) parameters += p.numel();
          before = Clock::now();
          if (t.report(t.first_step(), 1).should_stop()) return t.stopped();
          return 1;
        },
        {.trials = 201});
    std::sort(times.begin(), times.end());
    fmt::print(
        "forks: {} parameters: {:.1f} us from one trial's report to the next one's state "
        "(median of {}), {} bytes of tensors copied\n",
        parameters, times[times.size() / 2], times.size(), std::max<int64_t>(copied, 0));
  }
}

void disasters() {
  constexpr int64_t kTrials = 10'000;
  tune::Study study({.sampler = tune::random(), .seed = 1});
  double after_a_tenth = 0;
  const auto begin = Clock::now();
  study.optimize(
      [](tune::Trial& t) -> tune::Outcome {
        const double x = t.suggest_float("x", 0, 1);
        t.report(0, x);
        switch (t.number() % 15) {
          case 1: throw std::runtime_error("it threw");
          case 4: std::abort();
          case 7: raise(SIGSEGV); break;
          case 10: {
            const std::vector<char> all(size_t{1} << 28, 'x');
            return static_cast<double>(all.back());
          }
          case 13:
            if (t.number() % 150 != 13) std::exit(3);
            for (;;) pause();
          default: break;
        }
        return x;
      },
      {.trials = kTrials,
       .jobs = 8,
       .trial_timeout = 200ms,
       .isolate = true,
       .trial_memory = int64_t{64} << 20,
       .on_trial = [&](const tune::TrialResult& t) {
         if (t.number == kTrials / 10) after_a_tenth = resident_megabytes();
       }});
  std::map<std::string, int64_t> causes;
  for (const tune::TrialResult& t : study.trials()) ++causes[t.error()];
  fmt::print(
      "disasters: {} trials in {:.1f} s; resident {:.1f} MB after a tenth, {:.1f} MB at the "
      "end\n",
      study.size(), seconds_since(begin), after_a_tenth, resident_megabytes());
  for (const auto& [cause, count] : causes) {
    fmt::print("  {:5} {}\n", count, cause.empty() ? "complete" : cause);
  }
}

// Descent on a quadratic in 20 dimensions with a noisy gradient: high rates gain ground first, low
// ones then average the noise out.
constexpr int64_t kDims = 20, kSteps = 60;

double descend(std::vector<double>& w, Rng& noise, double rate) {
  double sum = 0;
  for (double& each : w) {
    each -= rate * (each + noise.normal());
    sum += each * each;
  }
  return sum / kDims;
}

tune::Outcome noisy_descent(tune::Trial& t) {
  const double rate = t.suggest_float("rate", 1e-3, 1, tune::log);
  std::vector<double> w(kDims, 10.0);
  double loss = 0;
  Rng noise = t.rng("noise");
  t.checkpointable(w);
  t.checkpointable(noise);
  for (int64_t step = t.first_step(); step < kSteps; ++step) {
    loss = descend(w, noise, rate);
    if (t.report(step, loss).should_stop()) return t.stopped();
  }
  return loss;
}

struct Interval {
  double mean = 0, half = 0;  // 95 %, by Student's t with 19 degrees of freedom
};
Interval interval_of(const std::vector<double>& values) {
  const auto n = static_cast<double>(values.size());
  double mean = 0, squares = 0;
  for (const double v : values) mean += v / n;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, 2.093 * std::sqrt(squares / (n - 1) / n)};
}

void schedules() {
  constexpr int64_t kSize = 8;
  using Made = std::shared_ptr<const tune::Scheduler>;
  const std::vector<std::pair<std::string, std::function<Made()>>> schedulers = {
      {"population", [] { return tune::population({.size = kSize, .interval = 5}); }},
      {"pb2", [] { return tune::pb2({.size = kSize, .interval = 5}); }}};
  for (const auto& [name, make] : schedulers) {
    std::vector<double> gains;
    bool same_bits = true;
    int64_t steps = 0;
    for (uint64_t seed = 0; seed < 20; ++seed) {
      // So many fixed rates, evenly over the range, and the best of them: the same steps.
      tune::Study fixed({.sampler = tune::grid(),
                         .seed = seed,
                         .space = {{"rate", tune::log_grid(1e-3, 1, kSize)}}});
      fixed.optimize(noisy_descent, {.trials = kSize});
      tune::Study study({.sampler = tune::sobol(), .scheduler = make(), .seed = seed});
      study.optimize(noisy_descent, {.trials = kSize + 2 * (kSteps / 5 - 1)});
      steps = std::max(steps, study.total_steps());
      gains.push_back(std::log(fixed.best_trial().value / study.best_trial().value));
      std::vector<double> w(kDims, 10.0);
      const auto parts = study.lineage(study.best_trial().number);
      Rng noise = study.rng(parts.front().trial, "noise");
      double loss = 0;
      for (const tune::LineagePart& part : parts) {
        const double rate = part.params.at("rate");
        for (int64_t step = part.first; step <= part.last; ++step) loss = descend(w, noise, rate);
      }
      same_bits = same_bits && loss == study.best_trial().value;
    }
    const Interval all = interval_of(gains);
    fmt::print(
        "schedules: {} of {}: its loss is {:.3f} times the best fixed rate's ({:.3f} to "
        "{:.3f}, 20 seeds); {} steps at most, of {}; lineages {} to the same bits\n",
        name, kSize, std::exp(-all.mean), std::exp(-all.mean - all.half),
        std::exp(-all.mean + all.half), steps, kSize * kSteps,
        same_bits ? "replay" : "DO NOT REPLAY");
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::map<std::string, void (*)()> parts = {{"speed", speed},
                                                   {"isolation", isolation},
                                                   {"forks", forks},
                                                   {"disasters", disasters},
                                                   {"schedules", schedules}};
  std::vector<std::string> wanted(argv + 1, argv + argc);
  if (wanted.empty()) wanted = {"speed", "isolation", "forks", "disasters", "schedules"};
  for (const std::string& name : wanted) {
    const auto part = parts.find(name);
    if (part == parts.end()) {
      fmt::print(stderr, "unknown part {}\n", name);
      return 2;
    }
    part->second();
    std::fflush(stdout);
  }
}
