// Tape's trap of NaN and Inf.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <thread>

#include "attune/tensor/tape.h"

using namespace attune;

namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

// What the trap says of f(x).
template <class F>
NonFinite trapped(const Tensor& x, F f) {
  try {
    Tape tape({x}, {.trap_nonfinite = true});
    tape.gradient(f(x), {x});
  } catch (const NonFinite& e) {
    return e;
  }
  return NonFinite("nothing", "", false, "");
}

}  // namespace

TEST_CASE("trap: the op that makes the first NaN or Inf, and nothing before it") {
  const Tensor x({1.f, 0.f, -2.f});
  const NonFinite log = trapped(x, [](const Tensor& v) { return (v * 2 + 1).log().sum(); });
  CHECK(log.op() == "log");
  CHECK(!log.in_gradient());
  CHECK(std::string(log.what()) == "tape: log made NaN of finite inputs");
  CHECK(trapped(x, [](const Tensor& v) { return (v * 100).exp().mean(); }).op() == "exp");
  CHECK(trapped(x.cast(DType::f64), [](const Tensor& v) { return (1.0 / v).sum(); }).op() == "div");
  CHECK(trapped(x, [](const Tensor& v) { return v.exp().sum(); }).op() == "nothing");
  // f16 overflows where it is rounded.
  CHECK(trapped(x.cast(DType::f16), [](const Tensor& v) { return (v * 60000).sum(); }).op() ==
        "cast");
}

TEST_CASE("trap: a gradient that is not finite, though the loss is") {
  const Tensor x({4.f, 0.f});
  const NonFinite root = trapped(x, [](const Tensor& v) { return v.sqrt().sum(); });
  CHECK(root.op() == "sqrt");
  CHECK(root.in_gradient());
  CHECK(std::string(root.what()) == "tape: the gradient of sqrt is Inf for its input 0");
}

TEST_CASE("trap: Inf that is put in on purpose passes, NaN in a constant is said to be one") {
  const Tensor x({1.f, 2.f, 3.f});
  const Tensor mask({0.f, -kInf, 0.f});
  CHECK(trapped(x, [&](const Tensor& v) { return (v + mask).softmax(0)[0]; }).op() == "nothing");
  CHECK(trapped(x, [&](const Tensor& v) {
          return v.masked_fill(mask.isinf(), -kInf).softmax(0)[0];
        }).op() == "nothing");
  const NonFinite given = trapped(x, [](const Tensor& v) {
    return (v * Tensor({1.f, std::nanf(""), 1.f})).sum();
  });
  CHECK(std::string(given.what()) ==
        "tape: input 1 of mul holds NaN already, which no recorded op has made");
  CHECK(trapped(x, [&](const Tensor& v) { return (v + mask - mask).sum(); }).op() == "sub");
}

TEST_CASE("trap: without tensors it holds for the tapes of this thread while it lives") {
  const Tensor x({-1.f});
  const auto step = [&] {
    Tape tape{x};
    return tape.gradient(x.log().sum(), {x})[0].item<float>();
  };
  CHECK(step() == -1);
  {
    Tape trap({.trap_nonfinite = true});
    CHECK_THROWS_AS(step(), NonFinite);
    CHECK_THROWS_AS(trap.gradient(x.sum(), {x}), Error);
    std::thread([&] { CHECK(step() == -1); }).join();
    Tape off({.trap_nonfinite = false});
    CHECK_THROWS_AS(step(), NonFinite);
  }
  CHECK(step() == -1);
  // One that dies on another thread traps no more either.
  auto away = std::make_unique<Tape>(TapeOptions{.trap_nonfinite = true});
  CHECK_THROWS_AS(step(), NonFinite);
  std::thread([&] { away.reset(); }).join();
  CHECK(step() == -1);
}

TEST_CASE("trap: after it has thrown, the tape and the thread go on") {
  const Tensor x({-1.f, 2.f});
  Tape tape({x}, {.trap_nonfinite = true});
  CHECK_THROWS_AS(x.log(), NonFinite);
  CHECK(tape.gradient((x * x).sum(), {x})[0].to_vector<float>() == std::vector<float>{-2, 4});
}
