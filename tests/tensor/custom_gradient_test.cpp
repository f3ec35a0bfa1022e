// custom_gradient and value_and_grad: gradients of functions.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>

#include "attune/tensor/internal/record.h"
#include "attune/tensor/tape.h"

using namespace attune;
using internal::live_nodes;

namespace {

double number(const Tensor& x) { return x.item<double>(); }

}  // namespace

TEST_CASE("value_and_grad: both at once") {
  const auto [value, grads] =
      value_and_grad([](std::span<const Tensor> p) { return (p[0] * p[1]).sum(); },
                     std::vector{Tensor({1.0, 2.0}), Tensor({3.0, 4.0})});
  CHECK(number(value) == 11);
  CHECK(grads[0].to_vector<double>() == std::vector<double>{3, 4});
  CHECK(grads[1].to_vector<double>() == std::vector<double>{1, 2});
}

TEST_CASE("custom_gradient: stands for what forward computes, at any order") {
  const auto cube = [](std::span<const Tensor> in) {
    return custom_gradient([](std::span<const Tensor> x) { return x[0] * x[0] * x[0]; },
                           [](std::span<const Tensor> x, const Tensor&, const Tensor& dy) {
                             return std::vector{dy * x[0] * x[0] * 3};
                           },
                           in);
  };
  const std::vector<Tensor> x{Tensor({1.0, -2.0, 0.5})};
  CHECK(gradcheck(cube, x) < 1e-6);
  CHECK(gradcheck(
            [&](std::span<const Tensor> in) {
              Tape tape(in);
              return tape.gradient(cube(in).sum(), in)[0];
            },
            x) < 1e-6);
  // A straight-through gradient: not the true one, and used all the same.
  Tape tape(x);
  const Tensor y = custom_gradient(
      [](std::span<const Tensor> in) { return in[0].round(); },
      [](std::span<const Tensor>, const Tensor&, const Tensor& dy) { return std::vector{dy}; }, x);
  CHECK(tape.gradient(y.sum(), x)[0].to_vector<double>() == std::vector<double>{1, 1, 1});
}

TEST_CASE("custom_gradient: a forward that returns its input, and a vjp that gives nonsense") {
  const Tensor x({1.0, 2.0});
  const auto identity = [](std::span<const Tensor> in) { return in[0]; };
  {
    Tape tape{x};
    const Tensor y = custom_gradient(
        identity,
        [](std::span<const Tensor>, const Tensor&, const Tensor& dy) {
          return std::vector{dy * 7};
        },
        std::vector{x});
    CHECK(tape.gradient((y + x).sum(), {x})[0].to_vector<double>() == std::vector<double>{8, 8});
  }
  const auto fails_with = [&](std::vector<Tensor> gradients, const char* message) {
    Tape tape{x};
    const Tensor y = custom_gradient(
        identity, [&](std::span<const Tensor>, const Tensor&, const Tensor&) { return gradients; },
        std::vector{x});
    CHECK_THROWS_WITH(tape.gradient(y.sum(), {x}), message);
  };
  fails_with({}, "custom_gradient: vjp returned 0 gradients for 1 inputs");
  fails_with({Tensor({1.0})},
             "custom_gradient: the gradient of input 0 is [1], but the input is [2]");
  fails_with({Tensor({1.f, 2.f})},
             "custom_gradient: the gradient of input 0 is f32, but the input is f64");
}

TEST_CASE("tape: a gradient of another dtype is refused where it comes from") {
  const Tensor x = Tensor::ones({8, 64}), w = Tensor::ones({64, 64});
  Tape tape{w};
  const Tensor y = custom_gradient(
      [](auto in) { return in[0] * 1; },
      [](auto, const Tensor&, const Tensor& dy) { return std::vector{dy.cast(DType::f64)}; },
      std::vector{linear(x, w)});
  CHECK_THROWS_WITH_AS(tape.gradient(y.sum(), {w}),
                       "custom_gradient: the gradient of input 0 is f64, but the input is f32",
                       DTypeError);
}

TEST_CASE("tape: a vjp may open a tape of its own") {
  const Tensor x({1.0, 2.0});
  const auto cube = [](std::span<const Tensor> in) { return in[0] * in[0] * in[0]; };
  const auto by_tape = [&](std::span<const Tensor> in, const Tensor&, const Tensor& dy) {
    Tape inner(in);
    return inner.gradient((cube(in) * dy).sum(), in);
  };
  Tape tape{x};
  const Tensor y = custom_gradient(cube, by_tape, std::vector{x});
  CHECK(tape.gradient(y.sum(), {x})[0].to_vector<double>() == std::vector<double>{3, 12});
  CHECK(gradcheck(
            [&](std::span<const Tensor> in) {
              Tape again(in);  // and under another one, which differentiates it once more
              return again.gradient(custom_gradient(cube, by_tape, in).sum(), in)[0];
            },
            std::vector{x}) < 1e-6);
}

TEST_CASE("value_and_grad: a tensor that stands twice is two parameters") {
  const Tensor x({3.0});
  const auto f = [](std::span<const Tensor> p) { return (p[0] * p[0] * p[1]).sum(); };
  const auto [value, grads] = value_and_grad(f, std::vector{x, x});
  CHECK(value.item<double>() == 27);
  CHECK(grads[0][0].item<double>() == 18);
  CHECK(grads[1][0].item<double>() == 9);
  Tape outer{x};  // which still sees both as x
  const Tensor first = value_and_grad(f, std::vector{x, x}).second[0];
  CHECK(outer.gradient(first.sum(), {x})[0][0].item<double>() == 12);  // d (2 x x) / dx
}
