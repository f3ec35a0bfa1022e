// Schedules, groups and clipping: what acts on a step from outside.
#include "attune/optim/schedule.h"

#include <doctest/doctest.h>

#include <cmath>

#include "attune/nn/linear.h"
#include "attune/nn/sequential.h"
#include "attune/optim/clip.h"
#include "attune/optim/sgd.h"
#include "attune/tensor/error.h"

using namespace attune;
using doctest::Approx;

TEST_CASE("schedules: factors by step") {
  const optim::Schedule cosine = optim::cosine(10, 0.2);
  CHECK(cosine(0) == 1);
  CHECK(cosine(5) == Approx(0.6));
  CHECK(cosine(10) == 0.2);
  CHECK(cosine(1000) == 0.2);
  for (int64_t step = 0; step < 10; ++step) CHECK(cosine(step) > cosine(step + 1));

  const optim::Schedule warm = optim::linear_warmup(4, optim::cosine(10));
  CHECK(warm(0) == 0.25);
  CHECK(warm(3) == 1);
  CHECK(warm(4) == 1);
  CHECK(warm(9) == Approx(0.5));
  CHECK(optim::linear_warmup(4)(100) == 1);

  const optim::Schedule steps = optim::step_decay(3, 0.5);
  CHECK(steps(2) == 1);
  CHECK(steps(3) == 0.5);
  CHECK(steps(8) == 0.25);

  CHECK_THROWS_AS(optim::cosine(0), ValueError);
  CHECK_THROWS_AS(optim::linear_warmup(-1), ValueError);
  CHECK_THROWS_AS(optim::step_decay(3, 0), ValueError);
}

TEST_CASE("schedules: step n of an optimizer uses factor n, also in a copy") {
  std::vector<Tensor> p{Tensor::zeros({1}, DType::f64)}, g{Tensor::ones({1}, DType::f64)};
  optim::SGD sgd({.learning_rate = 0.5});
  sgd.set_schedule(optim::step_decay(2, 0.1));
  for (int i = 0; i < 3; ++i) sgd.update(p, g);
  CHECK(p[0].item<double>() == Approx(-0.5 * (1 + 1 + 0.1)));
  optim::SGD copy = sgd;
  sgd.update(p, g);
  copy.set_learning_rate(5);
  copy.update(p, g);
  CHECK(p[0].item<double>() == Approx(-0.5 * (1 + 1 + 0.1 + 0.1) - 5 * 0.1));
  CHECK(sgd.learning_rate() == 0.5);
}

TEST_CASE("groups: the first pattern that fits the dotted name counts") {
  Rng rng(1);
  nn::Sequential model;
  model.add("body", nn::Linear(2, 3, rng)).add("head", nn::Linear(3, 1, rng));
  const nn::Sequential before = model;
  optim::SGD sgd({.learning_rate = 0.1, .weight_decay = 1});
  sgd.add_group({.pattern = "head.*", .learning_rate = 0});
  sgd.add_group({.pattern = "*.b?as", .weight_decay = 0});
  std::vector<Tensor> zeros;
  for (const Tensor& p : model.parameters()) zeros.push_back(Tensor::zeros_like(p));
  sgd.update(model, zeros);
  const auto now = model.parameters(), was = before.parameters();
  const auto ratio = [&](size_t i) { return (now[i] / was[i]).mean().item<float>(); };
  CHECK(ratio(0) == Approx(0.9));  // body.weight decays
  CHECK(ratio(1) == 1);            // body.bias does not
  CHECK(ratio(2) == 1);            // head stands still
  CHECK(ratio(3) == 1);
  CHECK_THROWS_AS(sgd.add_group({.pattern = "*"}), ValueError);
  CHECK_THROWS_AS(optim::SGD().add_group({.pattern = "*", .learning_rate = -1}), ValueError);
}

TEST_CASE("clip_grad_norm: one factor for all, only where the norm is too large") {
  Rng rng(2);
  for (const DType dtype : {DType::f32, DType::f64}) {
    std::vector<Tensor> grads{Tensor::randn({13, 7}, rng, dtype),
                              Tensor::randn({5, 3}, rng, dtype).t()};
    const std::vector<Tensor> kept = grads;
    double squares = 0;
    for (const Tensor& g : grads) {
      for (const double e : g.cast(DType::f64).to_vector<double>()) squares += e * e;
    }
    const double norm = std::sqrt(squares);
    CHECK(optim::clip_grad_norm(grads, 1000) == Approx(norm).epsilon(1e-9));
    CHECK(grads[0].block() == kept[0].block());
    CHECK(optim::clip_grad_norm(grads, 2) == Approx(norm).epsilon(1e-9));
    for (size_t i = 0; i < 2; ++i) {
      const Tensor error = grads[i] - kept[i] * (2 / norm);
      CHECK(error.abs().max().cast(DType::f64).item<double>() < 1e-6);
    }
    CHECK(optim::clip_grad_norm(grads, 1) == Approx(2));
  }
  std::vector<Tensor> bad{Tensor({1.f, INFINITY})};
  CHECK(std::isinf(optim::clip_grad_norm(bad, 1)));
  CHECK(bad[0].to_vector<float>() == std::vector<float>{1, INFINITY});
  CHECK_THROWS_AS(optim::clip_grad_norm(bad, 0), ValueError);
}

TEST_CASE("clip_grad_value: every element into the range, NaN stays") {
  std::vector<Tensor> grads{Tensor({-3.f, -0.5f, 0.25f, 9.f, NAN})};
  const Tensor kept = grads[0];
  optim::clip_grad_value(grads, 0.5);
  const auto got = grads[0].to_vector<float>();
  CHECK(std::vector<float>(got.begin(), got.begin() + 4) ==
        std::vector<float>{-0.5, -0.5, 0.25, 0.5});
  CHECK(std::isnan(got[4]));
  CHECK(kept.to_vector<float>()[0] == -3);  // somebody else's
  CHECK_THROWS_AS(optim::clip_grad_value(grads, -1), ValueError);
}
