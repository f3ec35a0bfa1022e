// LBFGS, Ema and the newer schedules.
#include "attune/optim/lbfgs.h"

#include <doctest/doctest.h>

#include "attune/optim/ema.h"
#include "attune/optim/internal/line_search.h"
#include "tests/optim/support.h"

using namespace attune;
using namespace attune::optim::test;

namespace {

// Rosenbrock's function of the parameters of a Linear(1, 2, no bias): the valley ends at (1, 1).
struct Valley : nn::Module {
  Tensor at = Tensor({-1.2, 1.});
  Tensor forward(const Tensor& x) override { return x; }
  void fields(nn::Fields& f) override { f("at", at); }
  Tensor loss() const {
    const Tensor x = at[0], y = at[1];
    return (1 - x).square() + 100 * (y - x.square()).square();
  }
};

std::pair<double, std::vector<Tensor>> evaluate(Valley& model) {
  Tape tape(model.parameters());
  const Tensor loss = model.loss();
  return {loss.item<double>(), tape.gradient(loss, model.parameters())};
}

}  // namespace

TEST_CASE("LBFGS: minimize() finds the end of a narrow valley") {
  Valley model;
  optim::LBFGS lbfgs;
  const auto report = lbfgs.minimize(model, [&] { return evaluate(model); });
  CHECK(report.converged);
  CHECK(report.iterations < 60);
  CHECK((model.at - 1).abs().max().item<double>() < 1e-5);
  CHECK(report.loss < 1e-10);
}

TEST_CASE(
    "LBFGS: update() beats gradient descent on a quadratic, and what throws changes nothing") {
  Valley model;
  const Tensor scale({1., 30.});
  const auto gradient = [&] { return std::vector<Tensor>{model.at * scale}; };
  optim::LBFGS lbfgs({.learning_rate = 1, .history = 5});
  for (int step = 0; step < 40; ++step) lbfgs.update(model, gradient());
  CHECK(model.at.abs().max().item<double>() < 1e-6);
  Valley fresh;
  const Tensor before = fresh.at;
  CHECK_THROWS_AS(
      lbfgs.minimize(fresh,
                     [&]() -> std::pair<double, std::vector<Tensor>> { throw ValueError("no"); }),
      ValueError);
  CHECK(fresh.at.eq(before).all().item<bool>());
  CHECK_THROWS_AS(lbfgs.minimize(fresh, [&] { return std::pair{NAN, gradient()}; }), ValueError);
  CHECK_THROWS_AS(optim::LBFGS({.history = 0}), ValueError);
}

TEST_CASE("LBFGS: gradients that are no numbers or do not fit are errors, and nothing moves") {
  Valley model;
  const Tensor before = model.at.clone();
  const optim::LBFGS lbfgs;
  const auto minimize = [&](const Tensor& gradient) {
    lbfgs.minimize(model, [&] { return std::pair{1.0, std::vector<Tensor>(1, gradient)}; });
  };
  CHECK_THROWS_AS(minimize(Tensor({double(NAN), 0.0})), ValueError);
  CHECK_THROWS_AS(minimize(Tensor({double(INFINITY), 0.0})), ValueError);
  CHECK_THROWS_AS(minimize(Tensor({1.0})), ShapeError);
  CHECK(model.at.eq(before).all().item<bool>());
}

TEST_CASE("line search: the strong Wolfe conditions hold") {
  const auto f = [](double x) { return optim::LinePoint{x, (x - 3) * (x - 3), 2 * (x - 3)}; };
  for (const double first : {0.01, 1.0, 100.0}) {
    const auto p = optim::strong_wolfe(f(0), first, f, 25, 1e-4, 0.1);
    CHECK(p.value <= 9 - 1e-4 * p.step * 6);
    CHECK(std::abs(p.slope) <= 0.1 * 6);
  }
}

TEST_CASE("Ema: an average of the model") {
  Valley model;
  optim::Ema ema(model, 0.75);
  const Tensor before = model.at;
  model.at = Tensor({3., 5.});
  ema.update(model);
  Valley averaged = model;
  ema.copy_to(averaged);
  CHECK((averaged.at - (before * 0.75 + model.at * 0.25)).abs().max().item<double>() < 1e-15);
  CHECK(model.at[0].item<double>() == 3);
  CHECK_THROWS_AS(optim::Ema(model, 1), ValueError);
}

TEST_CASE("schedules: exponential, one_cycle and reduce_on_plateau") {
  CHECK(optim::exponential(0.5)(3) == 0.125);
  const auto cycle = optim::one_cycle(10);
  CHECK(cycle(0) == doctest::Approx(0.04));
  CHECK(cycle(2) == doctest::Approx(1));
  CHECK(cycle(9) == doctest::Approx(4e-6));
  CHECK(cycle(100) == doctest::Approx(4e-6));
  for (int64_t step = 3; step < 10; ++step) CHECK(cycle(step) < cycle(step - 1));
  auto plateau = optim::reduce_on_plateau({.factor = 0.5, .patience = 1});
  CHECK(plateau.report(1) == 1);
  CHECK(plateau.report(0.5) == 1);
  CHECK(plateau.report(0.5) == 1);
  CHECK(plateau.report(0.6) == 0.5);
  CHECK(plateau.report(NAN) == 0.5);
  CHECK(plateau.report(NAN) == 0.25);
  CHECK_THROWS_AS(optim::one_cycle(0), ValueError);
  CHECK_THROWS_AS(optim::reduce_on_plateau({.factor = 1}), ValueError);
}
