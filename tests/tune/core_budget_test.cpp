// Cores are shared by the trials that run, and taken over from those that end.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "attune/base/internal/core_budget.h"
#include "attune/base/threads.h"
#include "attune/tune/samplers.h"
#include "attune/tune/study.h"

using namespace attune;
using namespace attune::tune;
using namespace std::chrono_literals;

TEST_CASE("cores: trials share them evenly, and the last has them all") {
  const ThreadScope cores(7);
  std::atomic<int> begun{0}, sum{0}, ended{0};
  const auto wait_until = [](const auto& condition) {
    for (int i = 0; i < 5000 && !condition(); ++i) std::this_thread::sleep_for(1ms);
    return condition();
  };
  Study study({.sampler = tune::random(), .seed = 1});
  study.optimize(
      [&](Trial& t) -> Outcome {
        ++begun;
        CHECK(wait_until([&] { return begun == 3; }));
        CHECK(max_threads() >= 2);
        CHECK(max_threads() <= 3);
        sum += max_threads();
        CHECK(wait_until([&] { return sum == 7; }));
        {
          const ThreadScope own(1);
          CHECK(max_threads() == 1);
        }
        if (t.number() < 2) return 1;
        CHECK(wait_until([] { return max_threads() == 7; }));
        ++ended;
        return 2;
      },
      {.trials = 3, .jobs = 3});
  CHECK(ended == 1);
  CHECK(max_threads() == 7);
}

TEST_CASE("cores: more threads than cores have one each; parts nest") {
  internal::CoreBudget budget(2), inner(5);
  const int before = max_threads();
  {
    const internal::CoreBudget::Part part(budget);
    CHECK(max_threads() == 2);
    std::vector<std::thread> threads;
    std::atomic<int> ones{0}, there{0};
    for (int i = 0; i < 3; ++i) {
      threads.emplace_back([&] {
        const internal::CoreBudget::Part other(budget);
        ++there;
        while (there < 3) std::this_thread::yield();
        ones += max_threads() == 1;
        ++there;
        while (there < 6) std::this_thread::yield();
      });
    }
    for (std::thread& thread : threads) thread.join();
    CHECK(ones == 3);
    CHECK(max_threads() == 2);
    {
      const internal::CoreBudget::Part nested(inner);
      CHECK(max_threads() == 5);
    }
    CHECK(max_threads() == 2);
  }
  CHECK(max_threads() == before);
}
