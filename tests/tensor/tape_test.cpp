// The tape itself: nesting, reuse, freeing, threads. Each op's gradient is checked with the op.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <thread>

#include "attune/tensor/internal/record.h"
#include "attune/tensor/tape.h"

using namespace attune;
using internal::live_nodes;

namespace {

double number(const Tensor& x) { return x.item<double>(); }

}  // namespace

TEST_CASE("tape: a gradient, and nothing recorded before or after") {
  const Tensor x({1.0, 2.0, 3.0});
  const Tensor before = x * 2;
  CHECK(live_nodes() == 0);
  {
    Tape tape{x};
    const Tensor loss = (x * x * before).sum();
    CHECK(live_nodes() > 0);
    CHECK(tape.gradient(loss, {x})[0].to_vector<double>() == std::vector<double>{4, 16, 36});
    CHECK(live_nodes() == 0);  // freed on the way back
  }
  const Tensor after = x * 3;
  CHECK(live_nodes() == 0);
}

TEST_CASE("tape: a record that is never asked goes with its tape") {
  {
    const Tensor x({1.0});
    Tape tape{x};
    Tensor y = x;
    for (int i = 0; i < 100; ++i) y = (y * x).tanh();
    CHECK(live_nodes() == 200);
  }
  CHECK(live_nodes() == 0);
}

TEST_CASE("tape: an unused target gets zeros, an intermediate its own gradient") {
  const Tensor x({2.0, 3.0}), unused = Tensor::ones({2, 2}, DType::f64);
  Tape tape{x, unused};
  const Tensor middle = x * x;
  const Tensor loss = (middle * middle).sum();
  const auto g = tape.gradient(loss, {unused, middle, x, loss});
  CHECK(g[0].shape() == Shape{2, 2});
  CHECK(g[0].to_vector<double>() == std::vector<double>{0, 0, 0, 0});
  CHECK(g[1].to_vector<double>() == std::vector<double>{8, 18});
  CHECK(g[2].to_vector<double>() == std::vector<double>{32, 108});
  CHECK(number(g[3]) == 1);
}

TEST_CASE("tape: a loss that depends on nothing watched gives zeros") {
  const Tensor x({2.0}), y({5.0});
  Tape tape{x};
  CHECK(tape.gradient((y * y).sum(), {x})[0].to_vector<double>() == std::vector<double>{0});
}

TEST_CASE("tape: the same tensor twice as a target, and many times as an operand") {
  const Tensor x({3.0});
  Tape tape{x, x};
  const auto g = tape.gradient((x * x + x - x * 2).sum(), {x, x});
  CHECK(g[0].to_vector<double>() == std::vector<double>{5});
  CHECK(g[1].to_vector<double>() == std::vector<double>{5});
}

TEST_CASE("tape: second and third gradients by nesting") {
  const Tensor x({1.5});
  Tape third{x};
  Tensor d2;
  {
    Tape second{x};
    Tensor d1;
    {
      Tape first{x};
      const Tensor y = (x.square().square() + x.exp()).sum();  // x^4 + e^x
      d1 = first.gradient(y, {x})[0];
      CHECK(first.gradient(y, {x})[0].to_vector<double>() == d1.to_vector<double>());  // again
    }
    CHECK(d1[0].item<double>() == doctest::Approx(4 * std::pow(1.5, 3) + std::exp(1.5)));
    d2 = second.gradient(d1.sum(), {x})[0];
  }
  CHECK(d2[0].item<double>() == doctest::Approx(12 * 1.5 * 1.5 + std::exp(1.5)));
  const Tensor d3 = third.gradient(d2.sum(), {x})[0];
  CHECK(d3[0].item<double>() == doctest::Approx(24 * 1.5 + std::exp(1.5)));
  CHECK(live_nodes() == 0);
}

TEST_CASE("tape: an inner tape watches what the outer one recorded") {
  const Tensor x({2.0});
  Tape outer{x};
  const Tensor y = x * x;
  Tensor dy;
  {
    Tape inner{y};
    dy = inner.gradient((y * y * y).sum(), {y})[0];  // 3 y^2
  }
  CHECK(dy[0].item<double>() == doctest::Approx(48));
  CHECK(outer.gradient(dy.sum(), {x})[0][0].item<double>() == doctest::Approx(12 * 8));  // 12 x^3
}

TEST_CASE("tape: a tensor used after its tape is a constant") {
  const Tensor x({2.0});
  Tensor y;
  {
    Tape tape{x};
    y = x * 5;
  }
  Tape tape{x};
  CHECK(tape.gradient((x * y).sum(), {x})[0][0].item<double>() == 10);
}

TEST_CASE("tape: what is watched by a closed inner tape alone is a constant to the outer one") {
  const Tensor x({2.0}), z({3.0});
  Tape outer{x};
  Tensor y;
  {
    Tape inner{z};
    y = z * z;
  }
  CHECK(outer.gradient((x * y).sum(), {x})[0][0].item<double>() == 9);
}

TEST_CASE("tape: asked twice is an error in words") {
  const Tensor x({2.0});
  Tape tape{x};
  const Tensor loss = (x * x).sum();
  tape.gradient(loss, {x});
  CHECK_THROWS_WITH_AS(
      tape.gradient(loss, {x}),
      "gradient: this tape was consumed by an earlier gradient(); call it once, with all targets",
      Error);
}

TEST_CASE("tape: detach cuts") {
  const Tensor x({2.0});
  Tape tape{x};
  CHECK(tape.gradient((x * x.detach()).sum(), {x})[0][0].item<double>() == 2);
}

TEST_CASE("tape: mistakes are named, and leave the tape usable") {
  const Tensor x({2.0, 3.0});
  Tape tape{x};
  CHECK_THROWS_WITH_AS(tape.gradient(x * 2, {x}),
                       "gradient: the loss must have one element, got [2]; reduce it by sum() or "
                       "mean()",
                       ShapeError);
  CHECK_THROWS_AS(tape.gradient(Tensor(), {x}), ValueError);
  CHECK_THROWS_AS(x + Tensor::ones({3}, DType::f64), ShapeError);
  CHECK(tape.gradient((x * x).sum(), {x})[0].to_vector<double>() == std::vector<double>{4, 6});
  CHECK_THROWS_AS(Tape{Tensor()}, ValueError);
}

TEST_CASE("tape: an error on the way back frees everything") {
  const Tensor x({2.0});
  {
    Tape tape{x};
    const Tensor y =
        custom_gradient([](std::span<const Tensor> in) { return in[0] * 2; },
                        [](std::span<const Tensor>, const Tensor&,
                           const Tensor&) -> std::vector<Tensor> { throw ValueError("mine"); },
                        std::vector{x});
    CHECK_THROWS_WITH_AS(tape.gradient((y * y).sum(), {x}), "mine", ValueError);
  }
  CHECK(live_nodes() == 0);
  Tape tape{x};
  CHECK(tape.gradient((x * x).sum(), {x})[0][0].item<double>() == 4);
}

TEST_CASE("tape: 200,000 ops deep") {
  const Tensor x({1.0});
  {
    Tape tape{x};
    Tensor y = x;
    for (int i = 0; i < 200'000; ++i) y = y + x;
    CHECK(tape.gradient(y.sum(), {x})[0][0].item<double>() == 200'001);
  }
  CHECK(live_nodes() == 0);
}

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

TEST_CASE("gradcheck: catches a wrong gradient, even in one element, and a NaN") {
  const auto with_slope = [](auto slope) {
    return [slope](std::span<const Tensor> in) {
      return custom_gradient([](std::span<const Tensor> x) { return x[0] * x[0]; },
                             [slope](std::span<const Tensor> x, const Tensor&, const Tensor& dy) {
                               return std::vector{dy * slope(x[0])};
                             },
                             in);
    };
  };
  const std::vector<Tensor> x{Tensor({1.0, -2.0, 0.5})};
  CHECK(gradcheck(with_slope([](const Tensor& at) { return at * 2; }), x) < 1e-6);
  CHECK(gradcheck(with_slope([](const Tensor& at) { return at * 2.001; }), x) > 1e-4);
  CHECK(gradcheck(with_slope([](const Tensor& at) {
                    return at * Tensor({2.0, 2.0, -2.0});
                  }),
                  x) > 0.1);
  CHECK(!(gradcheck(with_slope([](const Tensor& at) { return at * std::nan(""); }), x) < 1e-6));
  CHECK_THROWS_WITH_AS(
      gradcheck(with_slope([](const Tensor& at) { return at; }), std::vector{Tensor({1.f})}),
      "gradcheck: needs f64 inputs, got f32", DTypeError);
}

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

TEST_CASE("tape: the gradient for all it watches, in its order") {
  const Tensor a({1., 2.}), b({3., 4.}), unused({5.});
  Tape tape({a, unused, b});
  const std::vector<Tensor> grads = tape.gradient((a * b).sum());
  REQUIRE(grads.size() == 3);
  CHECK(grads[0].to_vector<double>() == b.to_vector<double>());
  CHECK(grads[1].to_vector<double>() == std::vector<double>{0});
  CHECK(grads[2].to_vector<double>() == a.to_vector<double>());
  CHECK_THROWS_AS(tape.gradient((a * b).sum()), Error);
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

TEST_CASE("tape: one after the other in a scope, as a GAN's loop has them") {
  const Tensor x({2.0}), z({3.0});
  Tape first{x};
  CHECK(first.gradient((x * z).sum(), {x})[0][0].item<double>() == 3);
  Tape second{z};
  CHECK(second.gradient((x * z).sum(), {z})[0][0].item<double>() == 2);
  CHECK(live_nodes() == 0);
  CHECK(!internal::recording());
}

TEST_CASE("tape: two open at once may be asked in either order") {
  const Tensor x({2.0}), z({3.0});
  for (const bool inner_first : {true, false}) {
    Tape outer{x}, inner{z};
    const Tensor loss = (x * x * z).sum();
    const auto of_x = [&] { return outer.gradient(loss, {x})[0][0].item<double>(); };
    const auto of_z = [&] { return inner.gradient(loss, {z})[0][0].item<double>(); };
    if (inner_first) CHECK(of_z() == 4);
    CHECK(of_x() == 12);
    if (!inner_first) CHECK(of_z() == 4);
  }
  CHECK(live_nodes() == 0);
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

TEST_CASE("tape: a loss that another tape recorded is an error") {
  const Tensor x({2.0});
  Tensor loss;
  {
    Tape gone{x};
    loss = (x * x).sum();
  }
  Tape tape{x};
  CHECK_THROWS_WITH_AS(tape.gradient(loss, {x}),
                       "gradient: the loss was recorded by another tape, which is closed or "
                       "consumed; compute it while this tape is open",
                       Error);
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

TEST_CASE("no_grad: a pause, and a tape inside it") {
  const Tensor x({2.0});
  Tape tape{x};
  Tensor constant, inner_gradient;
  {
    const NoGradScope pause;
    CHECK(!internal::recording());
    constant = x * 5;
    Tape inner{x};
    CHECK(internal::recording());
    inner_gradient = inner.gradient((x * x).sum(), {x})[0];
  }
  CHECK(internal::recording());
  CHECK(inner_gradient[0].item<double>() == 4);
  CHECK(tape.gradient((x * constant * inner_gradient).sum(), {x})[0][0].item<double>() == 40);
}

TEST_CASE("tape: an op with very many inputs keeps no memory for ever") {
  const std::vector<Tensor> parts(20000, Tensor({1.0}));
  for (int step = 0; step < 3; ++step) {
    Tape tape{parts[0]};
    CHECK(tape.gradient(cat(parts).sum(), {parts[0]})[0][0].item<double>() == 20000);
  }
}

TEST_CASE("tape: what a record captures goes with it, also when an op throws half-way") {
  const Tensor x({1.0, 2.0});
  std::weak_ptr<int> seen;
  {
    auto token = std::make_shared<int>(1);
    seen = token;
    Tape tape{x};
    const Tensor y =
        custom_gradient([](auto in) { return in[0] * 2; },
                        [token](auto, const Tensor&, const Tensor&) -> std::vector<Tensor> {
                          throw std::runtime_error("half-way");
                        },
                        std::vector{x});
    token.reset();
    CHECK_THROWS_WITH(tape.gradient((y * y).sum(), {x}), "half-way");
    CHECK(!internal::recording());
  }
  CHECK(seen.expired());
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
