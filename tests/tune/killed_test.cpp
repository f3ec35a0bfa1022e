// Studies whose process is killed in between: what was paused goes on from the files beside the
// storage.
#include <doctest/doctest.h>

#include <chrono>
#include <csignal>
#include <filesystem>

#include "attune/base/error.h"
#include "tests/tune/learner.h"
#include "tests/tune/outside.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

constexpr int64_t kTrials = 20;

StudyOptions options(const std::string& url, std::shared_ptr<const Scheduler> scheduler) {
  return {.storage = url,
          .sampler = tune::random(),
          .scheduler = std::move(scheduler),
          .seed = 5,
          .deterministic = true};
}

// Keeps its trials where they are at the second step.
class PauseAtOne : public Scheduler {
 public:
  Verdict after(const TrialRecord& trial, const History&) const override {
    return trial.reports.back().step == 1 ? Verdict::pause : Verdict::go_on;
  }
  Next next(const Situation& now) const override {
    if (now.may_start) return {};
    for (const TrialRecord& t : now.history.trials()) {
      if (t.state == State::paused) return Next::resume(t.number);
    }
    return now.history.count(State::running) > 0 ? Next::wait() : Next{};
  }
};

int64_t folders_in(const std::string& path) {
  std::error_code error;
  int64_t count = 0;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(path, error)) {
    count += entry.is_directory();
  }
  return count;
}

}  // namespace

TEST_CASE("killed: every scheduler's table is as if nothing had happened") {
  for (const auto& [name, make] : all_schedulers()) {
    CAPTURE(name);
    Learner learner;
    Study whole(options("memory", make()));
    whole.optimize(std::ref(learner), {.trials = kTrials, .timeout = 60s});

    const Folder folder;
    int deaths = 0;
    for (;; ++deaths) {
      REQUIRE(deaths < 60);
      const int64_t life = 11 + 7 * (deaths % 3);
      const int status = status_of(in_child([&, make = make] {
        int64_t steps = 0;
        Learner mine;
        Study study(options(folder.url(), make()));
        study.optimize(
            [&](Trial& t) -> Outcome {
              steps += 4;
              if (steps > life && deaths < 8) raise(SIGKILL);
              return mine(t);
            },
            {.total = kTrials, .timeout = 60s});
      }));
      if (status == 0) break;
      REQUIRE(WIFSIGNALED(status));
    }
    CHECK(deaths > 2);
    const Study study({.storage = folder.url(), .read_only = true});
    CHECK(table(study) == table(whole));
    CHECK(study.total_steps() == whole.total_steps());
  }
}

TEST_CASE("killed: a trial paused by another process goes on from its bits, once") {
  const Folder folder;
  REQUIRE(status_of(in_child([&] {
            Learner learner{.stumbles = false};
            Study study(options(folder.url(), std::make_shared<const PauseAtOne>()));
            study.optimize(
                [&](Trial& t) -> Outcome {
                  const Outcome outcome = learner(t);
                  if (t.number() == 4) study.stop();
                  return outcome;
                },
                {.trials = 5, .timeout = 60s});
          })) == 0);
  CHECK(folders_in(folder.file("study.db.checkpoints")) > 5);
  Learner learner{.stumbles = false};
  Study study(options(folder.url(), std::make_shared<const PauseAtOne>()));
  study.optimize(std::ref(learner), {.trials = 0, .timeout = 60s});
  CHECK(learner.most_runs() == 1);
  CHECK(learner.runs.size() == 5 * (kLearnerSteps - 2));
  Learner whole{.stumbles = false};
  Study same(options("memory", std::make_shared<const PauseAtOne>()));
  same.optimize(std::ref(whole), {.trials = 5, .timeout = 60s});
  CHECK(table(study) == table(same));
  CHECK(folders_in(folder.file("study.db.checkpoints")) <= 1);  // what has ended keeps nothing
}

TEST_CASE("killed: a checkpoint that cannot be read fails its trial, with the cause") {
  const Folder folder;
  Learner learner{.stumbles = false};
  const auto scheduler = std::make_shared<const PauseAtOne>();
  REQUIRE(status_of(in_child([&] {
            Study study(options(folder.url(), scheduler));
            study.optimize(
                [&](Trial& t) -> Outcome {
                  const Outcome outcome = learner(t);
                  study.stop();
                  return outcome;
                },
                {.trials = 1, .timeout = 60s});
          })) == 0);
  std::filesystem::remove(folder.file("study.db.checkpoints/study-1/0/1/0"));
  Study study(options(folder.url(), scheduler));
  study.optimize(std::ref(learner), {.trials = 0, .timeout = 60s});
  CHECK(study.trial(0).state == State::failed);
  CHECK(study.trial(0).error().find("checkpoint") != std::string::npos);
}

TEST_CASE("killed: states that can only be copied start again in another process") {
  struct Bare {
    int value = 0;
    int* pointer = nullptr;
  };
  const Folder folder;
  const auto scheduler = std::make_shared<const PauseAtOne>();
  int64_t steps = 0;
  const auto objective = [&](Trial& t) -> Outcome {
    Bare bare;
    t.checkpointable(bare);
    for (int64_t step = t.first_step(); step < 4; ++step) {
      ++bare.value, ++steps;
      if (t.report(step, bare.value).should_stop()) return t.stopped();
    }
    return bare.value;
  };
  REQUIRE(status_of(in_child([&] {
            Study study(options(folder.url(), scheduler));
            study.optimize(
                [&](Trial& t) -> Outcome {
                  const Outcome outcome = objective(t);
                  study.stop();
                  return outcome;
                },
                {.trials = 1, .timeout = 60s});
          })) == 0);
  Study study(options(folder.url(), scheduler));
  study.optimize(objective, {.trials = 0, .timeout = 60s});
  CHECK(study.trial(0).value == 4);
  CHECK(steps == 4);
}
