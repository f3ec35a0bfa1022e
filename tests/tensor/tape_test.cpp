// The tape itself: nesting, reuse, freeing. Each op's gradient is checked with the op.
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
