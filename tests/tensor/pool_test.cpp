// The pool: what threads keep is bounded and goes when they end; and it hides no bad access.
#include <doctest/doctest.h>

#include <thread>
#include <utility>
#include <vector>

#include "attune/tensor/internal/block.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#endif

using namespace attune;
using internal::kept_bytes;

namespace {

constexpr int64_t kMegabyte = 1 << 18;  // in elements of f32

template <class Body>
void on_a_thread(Body body) {
  std::thread(std::move(body)).join();
}

}  // namespace

TEST_CASE("pool: a thread that only frees keeps nothing when it ends") {
  const size_t before = kept_bytes();
  for (int i = 0; i < 20; ++i) {
    Tensor x = Tensor::zeros({4 * kMegabyte});
    on_a_thread([y = std::exchange(x, Tensor())]() mutable { y = Tensor(); });
  }
  CHECK(kept_bytes() <= before);
}

#ifndef ATTUNE_NO_POOL
TEST_CASE("pool: what a thread frees it gets again; what all keep is bounded") {
  on_a_thread([] {
    const void* first = nullptr;
    {
      const Tensor x = Tensor::zeros({1000});
      first = x.data<float>().data();
    }
    const Tensor again = Tensor::zeros({1010});
    CHECK(again.data<float>().data() == first);
  });
  std::vector<Tensor> many;
  for (int i = 0; i < 40; ++i) many.push_back(Tensor::empty({8 * kMegabyte}));
  on_a_thread([&] {
    const size_t before = kept_bytes();
    many.clear();  // 320 MB
    CHECK(kept_bytes() - before <= (size_t{1} << 28) + (size_t{1} << 24));
  });
}

#ifdef __SANITIZE_ADDRESS__
TEST_CASE("pool: free blocks, and the unused ends of others, are poisoned") {
  for (int round = 0; round < 2; ++round) {  // a new block, then the same one again
    const float* first = nullptr;
    {
      const Tensor x = Tensor::zeros({1000});
      first = x.data<float>().data();
      CHECK(!__asan_address_is_poisoned(first + 999));
      CHECK(__asan_address_is_poisoned(first + 1000));
    }
    CHECK(__asan_address_is_poisoned(first));
    CHECK(__asan_address_is_poisoned(first - 32));  // the header's start
  }
}
#endif
#endif
