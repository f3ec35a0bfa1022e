// memory_stats() and MemoryLimitScope.
#include "attune/tensor/memory.h"

#include <doctest/doctest.h>

#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "attune/tensor/tape.h"
#include "attune/tensor/tensor.h"

using namespace attune;

namespace {

constexpr int64_t kMegabyte = 1 << 20;

Tensor megabytes(int64_t n) { return Tensor::zeros({n * kMegabyte / 4}); }

int64_t live() { return memory_stats().live; }

}  // namespace

TEST_CASE("memory: what lives, what the peak was, what the pool keeps, how many were made") {
  const MemoryStats before = memory_stats();
  {
    const Tensor x = megabytes(3), view = x.reshape({3, -1}), copy = x;
    const MemoryStats now = memory_stats();
    CHECK(now.live - before.live >= 3 * kMegabyte);
    CHECK(now.live - before.live <= 4 * kMegabyte);
    CHECK(now.allocations - before.allocations == 2);  // x and the view
    CHECK(now.peak >= now.live);
  }
  const MemoryStats after = memory_stats();
  CHECK(after.live == before.live);
  CHECK(after.peak >= before.live + 3 * kMegabyte);
  CHECK(after.pool >= 0);
  { const Tensor large = megabytes(100); }  // not the pool's
  CHECK(live() == before.live);
  CHECK(memory_stats().peak >= before.live + 100 * kMegabyte);
}

TEST_CASE("memory: small tensors count as well") {
  std::vector<Tensor> many;
  const int64_t before = live();
  for (int i = 0; i < 2000; ++i) many.push_back(Tensor::zeros({}));
  const int64_t most = live();
  CHECK(most - before == 2000 * 256);
  many.clear();
  CHECK(live() == before);
  CHECK(memory_stats().peak >= most);  // live() told the process
}

TEST_CASE("memory: tensors that change threads are counted once, and those of ended threads too") {
  const int64_t before = live();
  Tensor x;
  std::thread([&] { x = megabytes(2); }).join();
  CHECK(live() - before >= 2 * kMegabyte);
  std::thread([y = std::exchange(x, Tensor())]() mutable { y = Tensor(); }).join();
  CHECK(live() == before);
}

TEST_CASE(
    "memory limit: what would pass it is refused, with what was asked for and what is in use") {
  const Tensor outside = megabytes(4);
  MemoryLimitScope scope(10 * kMegabyte);
  CHECK(scope.used() == 0);
  std::optional<Tensor> a = megabytes(4), b = megabytes(4);
  const int64_t used = scope.used();
  CHECK(used >= 8 * kMegabyte);
  std::string message;
  try {
    megabytes(4);
  } catch (const OutOfMemory& e) {
    message = e.what();
  }
  CHECK(message.find(std::to_string(used) + " are in use") != std::string::npos);
  CHECK(message.find(std::to_string(10 * kMegabyte)) != std::string::npos);
  CHECK(scope.used() == used);
  CHECK_THROWS_AS(*a + *b, OutOfMemory);  // an op's result counts
  b.reset();
  CHECK((*a + *a).numel() == kMegabyte);
  a.reset();
  CHECK(scope.used() == 0);
  CHECK(scope.peak() >= 8 * kMegabyte);
  CHECK(scope.peak() <= 10 * kMegabyte);
  CHECK_THROWS_AS(megabytes(100), OutOfMemory);  // beyond the pool's sizes
  CHECK_THROWS_AS(MemoryLimitScope(-1), ValueError);
}

TEST_CASE("memory limit: scopes nest, and tensors may outlive them") {
  Tensor kept;
  {
    const auto outer = memory_limit(8 * kMegabyte);
    {
      MemoryLimitScope inner(100 * kMegabyte);
      kept = megabytes(5);
      CHECK(inner.used() == outer.used());
      CHECK_THROWS_AS(megabytes(5), OutOfMemory);  // the outer one's limit
      CHECK(inner.used() == outer.used());
    }
    CHECK(outer.used() >= 5 * kMegabyte);
    CHECK_THROWS_AS(megabytes(5), OutOfMemory);
    std::thread([&] { kept = megabytes(50); }).join();  // another thread has no limit
    CHECK(outer.used() == 0);                           // and what it freed is given back
    kept = megabytes(5);
  }
  CHECK(megabytes(20).numel() > 0);
  kept = Tensor();
}

TEST_CASE("memory limit: a gradient that does not fit leaves everything as it was") {
  const Tensor w = Tensor::ones({256, 1024});  // 1 MB
  const int64_t before = live();
  {
    MemoryLimitScope scope(5 * kMegabyte + kMegabyte / 2);
    const auto step = [&] {
      Tape tape({w});
      Tensor y = w;
      for (int i = 0; i < 20; ++i) y = y.exp();
      return tape.gradient(y.sum(), {w});
    };
    CHECK_THROWS_AS(step(), OutOfMemory);
    CHECK(scope.used() == 0);
  }
  CHECK(live() == before);
}
