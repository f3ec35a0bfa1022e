// Threads: limits that nest and leave no trace, results that do not depend on them, and forks.
#include <doctest/doctest.h>
#include <omp.h>
#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include "attune/tensor/tensor.h"
#include "attune/base/threads.h"

using namespace attune;

TEST_CASE("ThreadScope: nests, and is this thread's alone") {
  const int outside = max_threads();
  {
    const ThreadScope three(3);
    CHECK(max_threads() == 3);
    {
      const ThreadScope one(1);
      CHECK(max_threads() == 1);
      int elsewhere = 0;
      std::thread([&] { elsewhere = max_threads(); }).join();
      CHECK(elsewhere == omp_get_max_threads());
    }
    CHECK(max_threads() == 3);
  }
  CHECK(max_threads() == outside);
  CHECK_THROWS_WITH_AS(ThreadScope(0), "ThreadScope: needs at least 1 thread, got 0", ValueError);
}

TEST_CASE("ThreadScope: the host's OpenMP setting is as it was") {
  const int before = omp_get_max_threads();
  Rng rng(1);
  const Tensor a = Tensor::randn({300, 300}, rng);
  for (const int threads : {1, 2, 5}) {
    const ThreadScope scope(threads);
    CHECK(omp_get_max_threads() == before);
    const Tensor y = a.matmul(a).exp().sum();
    CHECK(omp_get_max_threads() == before);
  }
  CHECK(omp_get_max_threads() == before);
  omp_set_num_threads(3);
  CHECK(a.matmul(a).shape() == Shape{300, 300});
  CHECK(omp_get_max_threads() == 3);
  omp_set_num_threads(before);
}

TEST_CASE("results do not depend on the number of threads") {
  Rng rng(2);
  const Tensor a = Tensor::randn({257, 400}, rng), b = Tensor::randn({400, 311}, rng);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    const Tensor y = (a.matmul(b) * 0.1).tanh();
    return cat({y.flatten(), y.sum(0), y.sum(1), y.sum().reshape({1})}).to_vector<float>();
  };
  const auto alone = run(1);
  CHECK(run(2) == alone);
  CHECK(run(7) == alone);
}

TEST_CASE("inside a host's parallel region every call is right") {
  Rng rng(3);
  const Tensor a = Tensor::randn({120, 120}, rng);
  const auto expected = a.matmul(a).to_vector<float>();
  int wrong = 0;
#pragma omp parallel for reduction(+ : wrong) num_threads(4)
  for (int i = 0; i < 16; ++i) wrong += a.matmul(a).to_vector<float>() != expected;
  CHECK(wrong == 0);
}

TEST_CASE("fork: a child computes what its parent would") {
  Rng rng(4);
  const Tensor a = Tensor::randn({200, 200}, rng), big = Tensor::ones({300'000});
  const auto expected = a.matmul(a).to_vector<float>();  // the parent's OpenMP threads now exist
  const float sum = big.exp().sum().item<float>();
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    alarm(60);  // a region that waits for threads that are not there would wait for ever
    const bool same =
        a.matmul(a).to_vector<float>() == expected && big.exp().sum().item<float>() == sum;
    _exit(same ? 0 : 1);
  }
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
  CHECK(WEXITSTATUS(status) == 0);
}
