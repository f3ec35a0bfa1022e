// Tapes and threads: each thread has its own, and a tape may be destroyed on another.
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <thread>

#include "attune/tensor/internal/record.h"
#include "attune/tensor/tape.h"

using namespace attune;

namespace {

double number(const Tensor& x) { return x.item<double>(); }

}  // namespace

TEST_CASE("tape: each thread its own, over the same parameters") {
  Rng rng(1);
  const Tensor w = Tensor::randn({50, 50}, rng, DType::f64);
  const auto gradient = [&](double scale) {
    Tape tape{w};
    return tape.gradient((w * w * scale).sum(), {w})[0].to_vector<double>();
  };
  std::vector<std::vector<double>> expected, found(4);
  for (int i = 0; i < 4; ++i) expected.push_back(gradient(i));
  std::vector<std::thread> threads;
  for (size_t i = 0; i < 4; ++i) {
    threads.emplace_back([&, i] {
      for (int step = 0; step < 100; ++step) found[i] = gradient(static_cast<double>(i));
    });
  }
  Tape mine{w};  // records on this thread only, while the others run
  const Tensor loss = (w * 3).sum();
  for (std::thread& thread : threads) thread.join();
  CHECK(found == expected);
  CHECK((mine.gradient(loss, {w})[0][{0, 0}].item<double>() == 3));
}

TEST_CASE("tape: a tensor recorded on another thread is a constant here") {
  const Tensor x({2.0});
  Tape tape{x};
  Tensor foreign;
  std::thread([&] {
    Tape other{x};
    foreign = x * 5;
  }).join();
  CHECK(tape.gradient((x * foreign).sum(), {x})[0][0].item<double>() == 10);
}

TEST_CASE("tape: destroyed out of order") {
  const Tensor x({2.0}), z({3.0});
  auto outer = std::make_unique<Tape>(std::initializer_list<Tensor>{x});
  Tape inner{z};
  const Tensor loss = (x * x * z).sum();
  outer.reset();
  CHECK(inner.gradient(loss, {z})[0][0].item<double>() == 4);
  CHECK(!internal::recording());
}

TEST_CASE("tape: gradient() on another thread is an error, not zeros") {
  const Tensor x({2.0});
  auto tape = std::make_unique<Tape>(std::initializer_list<Tensor>{x});
  const Tensor loss = (x * x).sum();
  std::thread([&] {
    CHECK_THROWS_WITH_AS(tape->gradient(loss, {x}),
                         "gradient: this tape records on another thread; call gradient() there",
                         Error);
  }).join();
  CHECK(tape->gradient(loss, {x})[0][0].item<double>() == 4);
  // Destroyed elsewhere, it stops recording here when another tape closes.
  tape = std::make_unique<Tape>(std::initializer_list<Tensor>{x});
  std::thread([&] { tape.reset(); }).join();
  const Tensor ignored = x * x;
  { const Tape next{x}; }
  CHECK(!internal::recording());
}

TEST_CASE("tape: what a tape destroyed on another thread watched is forgotten with its record") {
  const Tensor x({2.0}), y({3.0}), z({5.0});
  auto outer = std::make_unique<Tape>(std::initializer_list<Tensor>{x});
  {
    const Tape inner{y};
    std::thread([&] { outer.reset(); }).join();
  }
  Tape next{z};  // takes over the record; x is a constant to it
  CHECK(number(next.gradient((x * z).sum(), {z})[0]) == 2);
}

TEST_CASE("tape: one at the address of another that was destroyed elsewhere is not taken for it") {
  const Tensor x({2.0}), y({3.0}), z({5.0});
  const Tape outer{x};
  std::optional<Tape> tape;
  tape.emplace(std::initializer_list<Tensor>{y});
  std::thread([&] { tape.reset(); }).join();
  tape.emplace(std::initializer_list<Tensor>{z});
  const std::vector<Tensor> grads = tape->gradient((x * y * z).sum());
  REQUIRE(grads.size() == 1);
  CHECK(number(grads[0]) == 6);
}

TEST_CASE("tape: one that outlives its thread frees its record") {
  std::weak_ptr<int> recorded;
  const Tensor x({2.0});
  std::unique_ptr<Tape> tape;
  std::thread([&] {
    auto token = std::make_shared<int>(1);
    recorded = token;
    tape = std::make_unique<Tape>(std::initializer_list<Tensor>{x});
    const Tensor y = custom_gradient(
        [](auto in) { return in[0] * 2; },
        [token](auto, const Tensor&, const Tensor& dy) { return std::vector{dy * 2}; },
        std::vector{x});
  }).join();
  std::thread([&] {  // which may be given the memory of the first
    CHECK_THROWS_AS(tape->gradient(Tensor(1.0), {x}), Error);
  })
      .join();
  CHECK(!recorded.expired());
  tape.reset();
  CHECK(recorded.expired());
}
