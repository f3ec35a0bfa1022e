// What schedulers need beneath them: trials that pause and go on from their bits, decisions that
// stand, reports of several objectives, reports that do not wait for a sampler.
#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <thread>

#include "attune/base/error.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

// Every trial pauses after its steps 1 and 3; the lowest paused number goes on first.
class PauseTwice : public Scheduler {
 public:
  Verdict after(const TrialRecord& trial, const History&) const override {
    const int64_t step = trial.reports.back().step;
    return step == 1 || step == 3 ? Verdict::pause : Verdict::go_on;
  }
  Next next(const Situation& now) const override {
    for (const int64_t number : now.history.open()) {
      const TrialRecord& trial = now.history.trials()[static_cast<size_t>(number)];
      if (trial.state == State::paused) return Next::resume(number);
    }
    return {};
  }
};

class SlowSampler : public Sampler {
 public:
  double sample(const Question&, const Param&, Rng& rng) override {
    std::this_thread::sleep_for(300ms);
    return rng.uniform();
  }
};

}  // namespace

TEST_CASE("schedulers: a paused trial goes on from where it stood, and no step is run twice") {
  Study study(
      {.sampler = tune::random(), .scheduler = std::make_shared<const PauseTwice>(), .seed = 4});
  int64_t steps = 0, calls = 0;
  study.optimize(
      [&](Trial& t) -> Outcome {
        ++calls;
        const double rate = t.suggest_float("rate", 0.1, 0.9);
        double weight = 1;
        Rng noise = t.rng("noise");
        t.checkpointable(weight);
        t.checkpointable(noise);
        for (int64_t step = t.first_step(); step < 6; ++step) {
          ++steps;
          weight = weight * rate + noise.uniform();
          if (t.report(step, weight).should_stop()) return t.stopped();
        }
        return weight;
      },
      {.trials = 4});
  CHECK(steps == 4 * 6);
  CHECK(calls == 4 * 3);
  for (const TrialResult& t : study.trials()) {
    REQUIRE(t.state == State::complete);
    double weight = 1;
    Rng noise = study.rng(t.number, "noise");
    for (int step = 0; step < 6; ++step) {
      weight = weight * t.params.at("rate").as_double() + noise.uniform();
    }
    CHECK(t.value == weight);
    CHECK(t.intermediate.size() == 6);
  }
}

TEST_CASE("schedulers: a pruner or a scheduler, not both") {
  CHECK_THROWS_AS(Study({.pruner = median(), .scheduler = std::make_shared<const PauseTwice>()}),
                  ValueError);
}

TEST_CASE("reports: of several objectives, kept by every storage") {
  for (const auto& [name, make] : all_storages()) {
    CAPTURE(name);
    const Folder folder;
    const auto storage = make(folder);
    for (const bool again : {false, true}) {
      Study study({.storage = storage, .directions = {minimize, maximize}, .seed = 1});
      if (!again) {
        Trial trial = study.ask();
        CHECK_THROWS_AS(trial.report(0, 1), ValueError);
        trial.report(0, {1, -2}).report(3, {NAN, INFINITY}).report(4, {0.5, 7});
        trial.report(4, {9, 9});  // the first values stay
        study.tell(trial, pruned);
      }
      const TrialResult result = study.trial(0);
      CHECK(result.state == State::pruned);
      CHECK(result.values == std::vector<double>{0.5, 7});
      CHECK(result.intermediate.at(0) == 1);
      CHECK(result.intermediate_values.at(0) == std::vector<double>{1, -2});
      CHECK(std::isnan(result.intermediate_values.at(3)[0]));
      CHECK(result.intermediate_values.at(3)[1] == INFINITY);
      CHECK(result.intermediate_values.at(4) == std::vector<double>{0.5, 7});
    }
  }
}

TEST_CASE("reports: none waits for a sampler that takes its time") {
  Study study({.sampler = std::make_shared<SlowSampler>(), .seed = 1, .first = First::sampler});
  Trial reporting = study.ask();
  std::jthread asking([&] {
    for (int i = 0; i < 4; ++i) {
      Trial t = study.ask();
      t.suggest_float("x", 0, 1);
      study.tell(t, 0);
    }
  });
  std::this_thread::sleep_for(20ms);
  std::chrono::steady_clock::duration longest{0};
  for (int step = 0; step < 100; ++step) {
    const auto begin = std::chrono::steady_clock::now();
    reporting.report(step, 1).should_stop();
    longest = std::max(longest, std::chrono::steady_clock::now() - begin);
    std::this_thread::sleep_for(1ms);
  }
  study.tell(reporting, 1);
  CHECK(longest < 200ms);  // a suggestion takes 300
}

TEST_CASE("trials: a time of their own, and a stop that reaches inside") {
  Study study({.seed = 1});
  const auto endless = [](Trial& t) -> Outcome {
    while (!t.stop_requested()) std::this_thread::sleep_for(1ms);
    return t.stopped();
  };
  study.optimize(endless, {.trials = 2, .trial_timeout = 20ms});
  CHECK(study.trial(1).state == State::failed);
  CHECK(study.trial(1).error() == "the trial's time was up");
  std::jthread later([&] {
    std::this_thread::sleep_for(50ms);
    study.stop();
  });
  study.optimize(endless, {.trials = 5});
  CHECK(study.trial(2).state == State::paused);
  study.optimize([](Trial&) -> Outcome { return 7; }, {.trials = 1});
  CHECK(study.trial(2).value == 7);
  CHECK(study.size() == 4);
}

TEST_CASE("stop: a condition of the host's that throws ends the run, with its exception") {
  Study study({.seed = 1});
  int64_t asked = 0;
  CHECK_THROWS_WITH_AS(study.optimize(
                           [](Trial&) -> Outcome {
                             std::this_thread::sleep_for(1ms);
                             return 0;
                           },
                           {.trials = 100000,
                            .stop = [&]() -> bool {
                              if (++asked > 2) throw std::runtime_error("lost the host");
                              return false;
                            }}),
                       "lost the host", std::runtime_error);
  CHECK(study.size() < 100000);
}

TEST_CASE("stop: it ends the runs that are on, or the next, and no later one") {
  Study study({.seed = 1});
  std::atomic<bool> first_done{false};
  std::jthread other([&] {
    study.optimize([&](Trial&) -> Outcome { return 1; }, {.trials = 3});
    first_done = true;  // its end must not undo a stop() for the one that goes on
  });
  study.optimize(
      [&](Trial& t) -> Outcome {
        if (t.number() > 20) study.stop();
        std::this_thread::sleep_for(1ms);
        return 0;
      },
      {.trials = 1000});
  other.join();
  CHECK(study.size() < 60);
}
