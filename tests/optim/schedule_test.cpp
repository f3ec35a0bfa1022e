// Schedules and groups: what sets the rates of a step.
#include "attune/optim/schedule.h"

#include <doctest/doctest.h>

#include <cmath>

#include "attune/nn/linear.h"
#include "attune/nn/sequential.h"
#include "attune/optim/sgd.h"
#include "attune/base/error.h"

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
  for (const double bad : {-1.0, double{NAN}, double{INFINITY}}) {
    CHECK_THROWS_AS(optim::cosine(10, bad), ValueError);
    CHECK_THROWS_AS(optim::step_decay(3, bad), ValueError);
  }
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

TEST_CASE("groups: the first pattern that matches the dotted name wins") {
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
  for (const double bad : {-1.0, double{NAN}, double{INFINITY}}) {
    CHECK_THROWS_AS(optim::SGD().add_group({.pattern = "*", .learning_rate = bad}), ValueError);
    CHECK_THROWS_AS(optim::SGD().add_group({.pattern = "*", .weight_decay = bad}), ValueError);
  }
}

TEST_CASE("groups: go by name, so a list of parameters has none") {
  Rng rng(1);
  nn::Linear model(2, 3, rng);
  optim::SGD sgd({.learning_rate = 0.5});
  sgd.add_group({.pattern = "*", .learning_rate = 0});
  sgd.update(model, {Tensor::ones({3, 2}), Tensor::ones({3})});
  std::vector<Tensor> list{Tensor::zeros({3, 2}), Tensor::zeros({3})};
  sgd.update(list, {Tensor::ones({3, 2}), Tensor::ones({3})});
  CHECK(list[0].mean().item<float>() == -0.5f);
}
