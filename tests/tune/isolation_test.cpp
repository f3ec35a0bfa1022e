// Trials in processes of their own: what ends one ends no other, and everything else is as without.
#include <doctest/doctest.h>

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/threads.h"
#include "attune/tune/study.h"
#include "tests/tune/learner.h"
#include "tests/tune/support.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::test;
using namespace std::chrono_literals;

namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kSanitized = true;  // they take memory of their own, and catch signals
#else
constexpr bool kSanitized = false;
#endif

std::string error_of(const Objective& objective, OptimizeOptions options = {}) {
  Study study({.sampler = tune::random(), .seed = 1});
  options.trials = 1;
  options.isolate = true;
  study.optimize(objective, options);
  return study.trial(0).error();
}

std::string text_of(const Study& study) {
  std::string text;
  for (const TrialResult& t : study.trials()) {
    text += fmt::format("{} {} {} [{}] {} {}", t.number, static_cast<int>(t.state), t.value,
                        t.params.to_string(), t.parent.value_or(-1), t.error());
    for (const auto& [step, value] : t.intermediate) text += fmt::format(" {}:{}", step, value);
    for (const auto& [name, value] : t.constraints) text += fmt::format(" {}<{}", name, value);
    for (const auto& [name, json] : t.user) text += fmt::format(" {}={}", name, json);
    text += '\n';
  }
  return text;
}

bool gone(pid_t pid) {  // within three seconds
  for (int i = 0; i < 300 && kill(pid, 0) == 0; ++i) std::this_thread::sleep_for(10ms);
  return kill(pid, 0) != 0;
}

volatile double* nowhere = nullptr;

}  // namespace

TEST_CASE("isolate: whatever ends a trial's process fails that trial, with its cause") {
  CHECK(error_of([](Trial&) -> Outcome { std::abort(); }) == "killed by SIGABRT");
  if (!kSanitized) {
    CHECK(error_of([](Trial&) -> Outcome { return *nowhere; }) == "killed by SIGSEGV");
  }
  CHECK(error_of([](Trial&) -> Outcome {
          raise(SIGKILL);
          return 1;
        }) == "killed by SIGKILL");
  CHECK(error_of([](Trial&) -> Outcome { std::exit(3); }) == "exit status 3");
  CHECK(error_of([](Trial&) -> Outcome { _exit(0); }) == "exit status 0");
  CHECK(error_of([](Trial&) -> Outcome { throw std::runtime_error("no luck"); }) == "no luck");
  CHECK(error_of([](Trial&) -> Outcome { throw 7; }) == "an exception of unknown type");
  CHECK(error_of([](Trial&) -> Outcome { return std::nan(""); }) == "the objective's value is NaN");
  CHECK(error_of([](Trial&) -> Outcome {
          return {1, 2};
        }) == "the objective returned 2 values for 1 objectives");
  CHECK(error_of([](Trial&) -> Outcome { return Failed{"given up"}; }) == "given up");
  CHECK(error_of([](Trial& t) -> Outcome { return t.suggest_float("x", 2, 1); }).find("'x'") !=
        std::string::npos);
}

TEST_CASE("isolate: a trial's memory is limited") {
  if (kSanitized) return;
  const OptimizeOptions limited{.trial_memory = 64 << 20};
  const auto takes = [](size_t bytes) {
    return [bytes](Trial&) -> Outcome {
      std::vector<char> memory(bytes, 'x');
      return static_cast<double>(std::count(memory.begin(), memory.end(), 'x'));
    };
  };
  CHECK(error_of(takes(128 << 20), limited) == "memory limit of 64 MB");
  CHECK(error_of(takes(32 << 20), limited).empty());
  CHECK(error_of(takes(128 << 20)).empty());
  CHECK(error_of(
            [](Trial&) noexcept -> Outcome {
              return static_cast<double>(std::vector<char>(size_t{1} << 30, 'x').back());
            },
            limited) == "memory limit of 64 MB (killed by SIGABRT)");
  Study study;
  CHECK_THROWS_AS(study.optimize([](Trial&) { return 1; }, {.trial_memory = 1 << 20}), ValueError);
  CHECK_THROWS_AS(study.optimize([](Trial&) { return 1; }, {.isolate = true, .trial_memory = 0}),
                  ValueError);
}

TEST_CASE("isolate: a trial that hangs is ended when its time is up") {
  const OptimizeOptions short_time{.trial_timeout = 100ms};
  const auto begin = std::chrono::steady_clock::now();
  CHECK(error_of(
            [](Trial&) -> Outcome {
              for (;;) pause();
            },
            short_time) == "time limit of 0.1 s");
  CHECK(error_of(
            [](Trial&) -> Outcome {
              signal(SIGTERM, SIG_IGN);
              for (;;) pause();
            },
            short_time) == "time limit of 0.1 s");
  CHECK(error_of(
            [](Trial&) -> Outcome {
              raise(SIGSTOP);
              return 1;
            },
            short_time) == "time limit of 0.1 s");
  CHECK(error_of(
            [](Trial& t) -> Outcome {
              while (!t.stop_requested()) std::this_thread::sleep_for(1ms);
              return t.stopped();
            },
            short_time) == "the trial's time was up");
  CHECK(std::chrono::steady_clock::now() - begin < 30s);
}

TEST_CASE("isolate: the others go on, and what a trial said before it died is kept") {
  Study study({.sampler = tune::random(), .seed = 3});
  study.optimize(
      [](Trial& t) -> Outcome {
        const double x = t.suggest_float("x", 0, 1);
        t.report(0, x);
        t.set_attribute("half", x / 2);
        if (t.number() % 3 == 1) std::abort();
        return x;
      },
      {.trials = 30, .jobs = 4, .isolate = true});
  int64_t failed = 0;
  for (const TrialResult& t : study.trials()) {
    const double x = t.params.at("x");
    CHECK(t.intermediate.at(0) == x);
    CHECK(t.user.contains("half"));
    CHECK((t.state == State::failed) == (t.number % 3 == 1));
    CHECK(t.error() == (t.state == State::failed ? "killed by SIGABRT" : ""));
    failed += t.state == State::failed;
  }
  CHECK(failed == 10);
}

TEST_CASE("isolate: with catch_errors = false the cause is thrown") {
  Study study;
  CHECK_THROWS_WITH_AS(study.optimize([](Trial&) -> Outcome { std::abort(); },
                                      {.trials = 5, .isolate = true, .catch_errors = false}),
                       "killed by SIGABRT", Error);
  CHECK(study.size() == 1);
  CHECK_THROWS_AS(study.optimize([](Trial&) -> Outcome { throw ValueError("bad"); },
                                 {.trials = 5, .isolate = true, .catch_errors = false}),
                  ValueError);
}

TEST_CASE("isolate: a deterministic study has the same table, by every scheduler") {
  for (const auto& [name, make] : all_schedulers()) {
    const auto table = [&make = make](bool isolate, int jobs) {
      Study study({.sampler = tpe(), .scheduler = make(), .seed = 11, .deterministic = true});
      Learner learner;
      study.optimize(std::ref(learner), {.trials = 24, .jobs = jobs, .isolate = isolate});
      return text_of(study);
    };
    CAPTURE(name);
    const std::string without = table(false, 1);
    CHECK(table(true, 1) == without);
    CHECK(table(true, 3) == without);
  }
}

TEST_CASE(
    "isolate: a space with conditions, priors and what is forbidden is asked for as a whole") {
  const auto table = [](bool isolate) {
    Study study({.directions = {minimize, maximize}, .sampler = tune::random(), .seed = 2});
    study.optimize(
        [](Trial& t) -> Outcome {
          Space space{{"kind", choice({"a", "b", 3, true})},
                      {"x", log_range(1e-3, 1).prior(0.1, 3)},
                      {"steps", int_range(2, 20, 3).when("kind", "b")},
                      {"grid", log_grid(1, 100, 5)}};
          const int64_t least = t.number() % 3;
          space.forbid([&](const Params& p) {
            return p.at("x").as_double() < 0.01 * static_cast<double>(least);
          });
          const Params p = t.suggest(space);
          CHECK(t.params() == p);
          const double x = p.at("x");
          t.set_constraint("room", x - 0.5);
          t.set_constraint(x - 0.6);
          return {x, x * t.rng("luck").uniform()};
        },
        {.trials = 20, .isolate = isolate});
    return text_of(study);
  };
  CHECK(table(true) == table(false));
}

TEST_CASE("isolate: what a trial keeps must be savable") {
  struct Opaque {
    int at = 0;
  };
  const std::string error = error_of([](Trial& t) -> Outcome {
    Opaque state;
    double fine = 0;
    t.checkpointable(fine);
    t.checkpointable(state);
    return 1;
  });
  CHECK(error.find("state 1 cannot be saved") != std::string::npos);
}

TEST_CASE("isolate: a trial paused in this process goes on in one of its own, and back") {
  Study study({.sampler = tune::random(), .seed = 5});
  const auto objective = [&](Trial& t) -> Outcome {
    double sum = 0;
    t.checkpointable(sum);
    for (int64_t step = t.first_step(); step < 30; ++step) {
      sum += static_cast<double>(step);
      t.report(step, sum);
      if (step % 10 == 4) study.stop();
      if (step % 10 == 4) t.set_attribute("pid", static_cast<int64_t>(getpid()));
      if (t.stop_requested()) return t.stopped();
    }
    return sum;
  };
  study.optimize(objective, {.trials = 1});
  CHECK(study.trial(0).state == State::paused);
  // There stop() is another process's study.
  study.optimize(objective, {.trials = 0, .isolate = true});
  CHECK(study.trial(0).state == State::complete);
  CHECK(study.trial(0).value == 29 * 30 / 2);
  CHECK(study.total_steps() == 30);
}

TEST_CASE("isolate: stop() ends trials that ask, to be resumed") {
  Study study({.sampler = tune::random(), .seed = 5});
  const auto objective = [](Trial& t) -> Outcome {
    int64_t turns = 0;
    t.checkpointable(turns);
    ++turns;
    t.report(t.first_step(), 1);
    if (t.resumed()) return static_cast<double>(turns);
    while (!t.stop_requested()) std::this_thread::sleep_for(1ms);
    return t.stopped();
  };
  study.optimize(objective, {.trials = 1, .timeout = 200ms, .isolate = true});
  CHECK(study.trial(0).state == State::paused);
  study.optimize(objective, {.trials = 0, .isolate = true});
  CHECK(study.trial(0).value == 2);
}

TEST_CASE("isolate: the process is the host's copy, with one thread for kernels") {
  int captured = 1;
  Study study;
  study.optimize(
      [&](Trial& t) -> Outcome {
        captured += 10;
        t.set_attribute("other", getpid() != getppid());
        return captured * 100 + max_threads();
      },
      {.trials = 3, .isolate = true});
  CHECK(captured == 1);
  for (const TrialResult& t : study.trials()) CHECK(t.value == 1101);
}

TEST_CASE("isolate: no process outlives its parent, however that dies") {
  const Folder folder;
  const std::string pids = folder.file("pids");
  const Folder temporary;
  const pid_t host = fork();
  if (host == 0) {
    setenv("TMPDIR", temporary.file("").c_str(), 1);
    Study study;
    study.optimize(
        [&](Trial&) -> Outcome {
          const pid_t grandchild = fork();
          if (grandchild == 0) {
            for (;;) pause();
          }
          std::ofstream(pids, std::ios::app)
              << getpid() << ' ' << grandchild << ' ' << getppid() << std::endl;
          for (;;) pause();
        },
        {.trials = 2, .jobs = 2, .isolate = true});
    _exit(0);
  }
  std::vector<pid_t> all;
  for (int i = 0; i < 1000 && all.size() < 6; ++i) {
    std::this_thread::sleep_for(10ms);
    all.clear();
    std::ifstream file(pids);
    for (pid_t pid = 0; file >> pid;) all.push_back(pid);
  }
  REQUIRE(all.size() == 6);
  kill(host, SIGKILL);
  waitpid(host, nullptr, 0);
  for (const pid_t pid : all) CHECK(gone(pid));
  for (int i = 0; i < 300 && !std::filesystem::is_empty(temporary.file("")); ++i) {
    std::this_thread::sleep_for(10ms);
  }
  CHECK(std::filesystem::is_empty(temporary.file("")));
}

TEST_CASE("isolate: nothing is left behind") {
  const auto files = [] {
    return std::distance(std::filesystem::directory_iterator("/proc/self/fd"),
                         std::filesystem::directory_iterator());
  };
  const auto before = files();
  const Folder temporary;
  const char* known = getenv("TMPDIR");
  const std::string usual = known ? known : "";
  setenv("TMPDIR", temporary.file("").c_str(), 1);
  for (int i = 0; i < 3; ++i) {
    Study study({.sampler = tune::random(), .scheduler = asha(), .seed = 1});
    Learner learner;
    study.optimize(std::ref(learner), {.trials = 10, .jobs = 2, .isolate = true});
  }
  CHECK(files() == before);
  CHECK(waitpid(-1, nullptr, WNOHANG) < 0);  // no child
  CHECK(std::filesystem::is_empty(temporary.file("")));
  known ? setenv("TMPDIR", usual.c_str(), 1) : unsetenv("TMPDIR");
}

#ifdef ATTUNE_WITH_SQLITE
TEST_CASE("isolate: a study in a file") {
  const Folder folder;
  const auto run = [](const std::string& url, bool isolate) {
    Study study({.storage = url,
                 .sampler = tune::random(),
                 .scheduler = population({.size = 4, .interval = 3}),
                 .seed = 7,
                 .deterministic = true});
    Learner learner;
    study.optimize(std::ref(learner), {.trials = 12, .jobs = 2, .isolate = isolate});
    return text_of(study);
  };
  CHECK(run(folder.url("a.db"), true) == run(folder.url("b.db"), false));
}
#endif

TEST_CASE("isolate: several studies at a time, from several threads") {
  std::vector<std::thread> threads;
  std::vector<std::string> tables(4);
  for (size_t i = 0; i < tables.size(); ++i) {
    threads.emplace_back([&tables, i] {
      Study study({.sampler = tune::random(), .seed = 5});
      Learner learner;
      study.optimize(std::ref(learner),
                     {.trials = 5 + static_cast<int64_t>(i) * 5, .isolate = true});
      tables[i] = text_of(study);
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::string& table : tables) CHECK(table.starts_with(tables.front()));
}
