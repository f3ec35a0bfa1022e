// Forks: they go on from their parent's bits; what led to a trial can be trained again; and what a
// scheduler may ask.
#include <doctest/doctest.h>

#include <chrono>
#include <thread>

#include "attune/base/error.h"
#include "tests/tune/learner.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

constexpr int64_t kForkStep = 9;

// Trial 0 pauses after step 9; trial 1 is a fork of it, with its parameters or others.
class ForkOnce : public Scheduler {
 public:
  explicit ForkOnce(Params params = {}) : params_(std::move(params)) {}
  Verdict after(const TrialRecord& trial, const History&) const override {
    const bool here = trial.number == 0 && trial.reports.back().step == kForkStep;
    return here ? Verdict::pause : Verdict::go_on;
  }
  Next next(const Situation& now) const override {
    const auto& trials = now.history.trials();
    const bool paused = !trials.empty() && trials[0].state == State::paused;
    if (trials.size() == 1) return paused ? Next::fork(0, params_) : Next::wait();
    return paused ? Next::resume(0) : Next{};
  }

 private:
  Params params_;
};

// Starts three, which pause after their first step, and goes on once all three have.
class Barrier : public Scheduler {
 public:
  Verdict after(const TrialRecord& trial, const History&) const override {
    return trial.reports.back().step == 0 ? Verdict::pause : Verdict::go_on;
  }
  Next next(const Situation& now) const override {
    const auto& trials = now.history.trials();
    int64_t waiting = 0, first = -1, arrived = 0;
    for (const TrialRecord& t : trials) {
      if (t.state == State::paused && first < 0) first = t.number;
      waiting += t.state == State::paused;
      arrived += !t.reports.empty();
    }
    if (waiting > 0 && arrived == static_cast<int64_t>(trials.size()) && trials.size() % 3 == 0) {
      return Next::resume(first);
    }
    return trials.size() % 3 != 0 || waiting == 0 ? Next{} : Next::wait();
  }
};

}  // namespace

TEST_CASE("forks: equal their parents over a hundred steps, bit for bit") {
  for (const bool deterministic : {false, true}) {
    for (const int jobs : {1, 2}) {
      Study study({.sampler = tune::random(),
                   .scheduler = std::make_shared<const ForkOnce>(),
                   .seed = 7,
                   .deterministic = deterministic});
      bool asked_parent = false;
      study.optimize(
          [&](Trial& t) -> Outcome {
            double rate = 0.1;
            if (!t.parent()) {
              rate = t.suggest_float("rate", 0.01, 0.9);
            } else {
              asked_parent = true;
              rate = study.trial(*t.parent()).params.at("rate");
            }
            std::vector<double> weights(1000, 0.0);
            Rng noise = t.rng("noise");
            t.checkpointable(weights);
            t.checkpointable(noise);
            if (t.number() == 1) CHECK(t.first_step() == kForkStep + 1);
            for (int64_t step = t.first_step(); step < kForkStep + 101; ++step) {
              for (double& w : weights) w += rate * (noise.normal() - w);
              if (t.report(step, weights[17]).should_stop()) return t.stopped();
            }
            return weights[999];
          },
          {.trials = 2, .jobs = jobs, .timeout = 60s});
      REQUIRE(study.size() == 2);
      CHECK(asked_parent);
      const TrialResult parent = study.trial(0), fork = study.trial(1);
      CHECK(fork.parent == 0);
      CHECK(fork.parent_step == kForkStep);
      CHECK(fork.intermediate.size() == 100);
      CHECK(fork.value == parent.value);
      for (const auto& [step, value] : fork.intermediate) {
        CHECK(parent.intermediate.at(step) == value);
      }
      CHECK(study.total_steps() == kForkStep + 1 + 200);
    }
  }
}

TEST_CASE("forks: other parameters, and the sampler knows the parent's") {
  class Watching : public Sampler {
   public:
    double sample(const Question& question, const Param&, Rng& rng) override {
      if (!question.parent.empty()) {
        seen = question.parent.front().param->name;
        value = question.parent.front().value;
      }
      return rng.uniform();
    }
    std::string seen;
    double value = 0;
  };
  const auto sampler = std::make_shared<Watching>();
  Study study({.sampler = sampler,
               .scheduler = std::make_shared<const ForkOnce>(Params{{"rate", 0.5}}),
               .seed = 7});
  Learner learner{.stumbles = false};
  study.optimize(std::ref(learner), {.trials = 2, .timeout = 60s});
  CHECK(study.trial(1).params.at("rate") == 0.5);
  CHECK(sampler->seen == "rate");
  CHECK(sampler->value == study.trial(0).params.at("rate").as_double());
  const std::vector<LineagePart> parts = study.lineage(1);
  REQUIRE(parts.size() == 2);
  CHECK(parts[0].trial == 0);
  CHECK(parts[0].first == 0);
  CHECK(parts[0].last == kForkStep);
  CHECK(parts[1].first == kForkStep + 1);
  CHECK(parts[1].last == kLearnerSteps - 1);
}

TEST_CASE("population: what led to the best trains the same model again") {
  Learner learner{.stumbles = false};
  Study study({.sampler = tune::random(),
               .scheduler = population({.size = 8, .interval = 2}),
               .seed = 11,
               .deterministic = true});
  study.optimize(std::ref(learner), {.trials = 18, .jobs = 2, .timeout = 60s});
  int64_t forks = 0;
  for (const TrialResult& t : study.trials()) {
    if (t.state != State::complete) continue;
    const std::vector<LineagePart> parts = study.lineage(t.number);
    forks += parts.size() > 1;
    double weight = 0, loss = 0;
    Rng noise = study.rng(parts.front().trial, "noise");
    int64_t step = 0;
    for (const LineagePart& part : parts) {
      CHECK(part.first == step);
      for (; step <= part.last; ++step) {
        loss = learn(weight, noise, part.params.at("rate"), part.params.at("width"));
      }
    }
    CHECK(step == kLearnerSteps);
    CHECK(loss == t.value);
  }
  CHECK(forks > 0);
}

TEST_CASE("deterministic: a scheduler that waits for several paused trials goes on") {
  std::string first;
  for (const int jobs : {1, 2, 8}) {
    Learner learner{.stumbles = false};
    Study study({.sampler = tune::random(),
                 .scheduler = std::make_shared<const Barrier>(),
                 .seed = 2,
                 .deterministic = true});
    const auto begin = std::chrono::steady_clock::now();
    study.optimize(std::ref(learner), {.trials = 12, .jobs = jobs, .timeout = 60s});
    CHECK(std::chrono::steady_clock::now() - begin < 30s);
    for (const TrialResult& t : study.trials()) CHECK(t.state == State::complete);
    if (first.empty()) first = table(study);
    CHECK(table(study) == first);
  }
}

TEST_CASE("schedulers: one may look at its study, and is told when it would wait for itself") {
  class Asking : public Scheduler {
   public:
    Verdict after(const TrialRecord& trial, const History&) const override {
      looked += study->size() + static_cast<int64_t>(study->trials().size());
      if (trial.number < 2) return Verdict::go_on;
      (void)study->ask();
      return Verdict::go_on;
    }
    Study* study = nullptr;
    mutable int64_t looked = 0;
  };
  for (const bool deterministic : {false, true}) {
    const auto asking = std::make_shared<Asking>();
    Study study({.scheduler = asking, .seed = 1, .deterministic = deterministic});
    asking->study = &study;
    study.optimize([](Trial& t) -> Outcome { return t.report(0, 1).should_stop() ? 1 : 2; },
                   {.trials = 3, .jobs = 2, .timeout = 60s});
    CHECK(asking->looked > 0);
    CHECK(study.trial(1).state == State::complete);
    CHECK(study.trial(2).error().find("asked its own study") != std::string::npos);
  }
}

TEST_CASE("checkpoints: other states than before the pause are told") {
  for (const int what : {0, 1, 2}) {
    Study study({.sampler = tune::random(),
                 .scheduler = std::make_shared<const ForkOnce>(Params{{"rate", 0.5}}),
                 .seed = 7});
    study.optimize(
        [&](Trial& t) -> Outcome {
          double a = 0;
          float b = 0;
          const bool later = t.first_step() > 0;
          if (later && what == 1) t.checkpointable(b);
          if (what != 1 || !later) t.checkpointable(a);
          if (later && what == 2) t.checkpointable(b);
          for (int64_t step = t.first_step(); step < 20; ++step) {
            if (t.report(step, 1).should_stop()) return t.stopped();
          }
          return 1;
        },
        {.trials = 2, .timeout = 60s});
    const std::string error = study.trial(0).error();
    CAPTURE(error);
    CHECK(error.empty() == (what == 0));
    if (what == 1) CHECK(error.find("of another type") != std::string::npos);
    if (what == 2) CHECK(error.find("names more now") != std::string::npos);
  }
}

TEST_CASE("trials: one that was paused after its last step ends with that step's report") {
  class PauseLast : public Scheduler {
   public:
    Verdict after(const TrialRecord& trial, const History&) const override {
      return trial.reports.back().step == 4 ? Verdict::pause : Verdict::go_on;
    }
    Next next(const Situation& now) const override {
      for (const TrialRecord& t : now.history.trials()) {
        if (t.state == State::paused) return Next::resume(t.number);
      }
      return {};
    }
  };
  Study study({.scheduler = std::make_shared<const PauseLast>(), .seed = 1});
  study.optimize(
      [](Trial& t) -> Outcome {
        double weight = 0, accuracy = 0;
        t.checkpointable(weight);
        for (int64_t step = t.first_step(); step < 5; ++step) {
          accuracy = ++weight;
          if (t.report(step, accuracy).should_stop()) return t.stopped();
        }
        return accuracy;
      },
      {.trials = 1, .timeout = 60s});
  CHECK(study.trial(0).value == 5);
}
