// The parts of cmaes() against plain formulas and the cmaes package.
#include <doctest/doctest.h>

#include <cmath>
#include <memory>
#include <numbers>
#include <string>
#include <utility>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/samplers/internal/cma/choices.h"
#include "attune/tune/samplers/internal/cma/distribution.h"
#include "attune/tune/samplers/internal/cma/margin.h"
#include "attune/tune/samplers/internal/cma/rates.h"
#include "attune/tune/samplers/internal/cma/restarts.h"
#include "attune/tune/samplers/internal/cma/space.h"
#include "attune/tune/internal/math/normal.h"
#include "attune/tune/internal/math/symmetric_eigen.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::internal;

namespace {

using Restarts = CmaesOptions::Restarts;

CmaDistribution distribution(std::vector<double> mean, double sigma, size_t population) {
  auto rates = std::make_shared<const CmaRates>(cma_rates(mean.size(), population, false));
  return CmaDistribution(std::move(rates), std::move(mean), sigma, false, false);
}

// Each step a generation's points, best first.
void update(CmaDistribution& d, const std::vector<std::vector<double>>& points) {
  std::vector<CmaRanked> ranked;
  for (const auto& p : points) ranked.push_back({p});
  d.update(ranked);
}

double upper_tail(double z) { return 0.5 * std::erfc(z / std::numbers::sqrt2); }

}  // namespace

TEST_CASE("symmetric_eigen: vectors are orthonormal and belong to their values") {
  Rng rng(1);
  for (const size_t n : {1, 2, 5, 17}) {
    std::vector<double> a(n * n), values(n), vectors(n * n);
    for (size_t i = 0; i < n; ++i) {
      for (size_t k = 0; k <= i; ++k) {
        a[i * n + k] = a[k * n + i] = rng.normal() * (i == k ? 10 : 1);
      }
    }
    std::vector<double> spoilt = a;
    symmetric_eigen(spoilt, values, vectors);
    for (size_t k = 0; k < n; ++k) {
      for (size_t i = 0; i < n; ++i) {
        double av = 0, dot = 0;
        for (size_t j = 0; j < n; ++j) {
          av += a[i * n + j] * vectors[k * n + j];
          dot += vectors[i * n + j] * vectors[k * n + j];
        }
        CHECK(av == doctest::Approx(values[k] * vectors[k * n + i]).epsilon(1e-10).scale(1));
        CHECK(dot == doctest::Approx(i == k ? 1 : 0).epsilon(1e-12));
      }
    }
  }
}

TEST_CASE("symmetric_eigen: eigenvalues of very different size keep their digits") {
  // D M D with D = diag(1, 1e-4, 1e-8): the determinant is known to all digits.
  const double d[3] = {1, 1e-4, 1e-8};
  const double m[9] = {2, 1, 0.5, 1, 3, 0.25, 0.5, 0.25, 1.5};
  std::vector<double> a(9), values(3), vectors(9);
  for (size_t i = 0; i < 9; ++i) a[i] = m[i] * d[i / 3] * d[i % 3];
  symmetric_eigen(a, values, vectors);
  const double determinant = 2 * (4.5 - 0.0625) - (1.5 - 0.125) + 0.5 * (0.25 - 1.5);
  CHECK(values[0] * values[1] * values[2] / 1e-24 == doctest::Approx(determinant).epsilon(1e-11));
}

TEST_CASE("normal_quantile: inverts the normal distribution") {
  for (const double z : {0.0, 0.3, 1.0, 1.3, 2.5, 4.0, 6.0, 7.5}) {
    CHECK(-normal_quantile(upper_tail(z)) == doctest::Approx(z).epsilon(1e-6).scale(1));
    if (z < 5) CHECK(normal_quantile(1 - upper_tail(z)) == doctest::Approx(z).epsilon(1e-6));
  }
}

TEST_CASE("cma_distribution: weights, rates and three generations are the cmaes package's") {
  // cmaes 0.13.1: CMA(mean, sigma=0.2, population_size=7), tell() of these points, best first.
  CmaDistribution d = distribution({.5, .4, .6}, 0.2, 7);
  const double weights[7] = {0.585645106509765,   0.2928225532548825,  0.12153234023535245, 0,
                             -0.4241269418431741, -0.7706638857059224, -1.0636566969842556};
  for (size_t i = 0; i < 7; ++i) {
    CHECK(d.rates().weights[i] == doctest::Approx(weights[i]).epsilon(1e-12));
  }
  CHECK(d.rates().effective == doctest::Approx(2.2548150822016044));
  CHECK(d.rates().path_sigma == doctest::Approx(0.4149090010980616));
  CHECK(d.rates().damping == doctest::Approx(1.4149090010980616));
  CHECK(d.rates().path == doctest::Approx(0.5588013228860189));
  CHECK(d.rates().rank_one == doctest::Approx(0.09640963257927214));
  CHECK(d.rates().rank_mu == doctest::Approx(0.05124308701358615));

  update(d, {{.3, .5, .7},
             {.45, .35, .55},
             {.6, .2, .9},
             {.7, .6, .3},
             {.1, .4, .5},
             {.9, .8, .2},
             {.2, .1, .95}});
  CHECK(d.sigma() == doctest::Approx(0.1755106832965052));
  update(d, {{.35, .45, .6},
             {.4, .3, .75},
             {.5, .25, .8},
             {.3, .55, .5},
             {.6, .5, .65},
             {.25, .2, .9},
             {.7, .1, .4}});
  CHECK(d.sigma() == doctest::Approx(0.14394171871451852));
  update(d, {{.31, .42, .66},
             {.38, .34, .72},
             {.45, .2, .85},
             {.2, .5, .6},
             {.5, .45, .7},
             {.28, .25, .8},
             {.6, .15, .5}});
  CHECK(d.sigma() == doctest::Approx(0.12487773641990833));
  const double mean[3] = {0.3475121063607911, 0.36983708088783185, 0.7006604978400099};
  const double c[9] = {0.6854701545705395,   -0.07218915954082923, 0.14637407514057774,
                       -0.07218915954082926, 0.6790967950930143,   0.03118944990238607,
                       0.14637407514057768,  0.031189449902386084, 0.7477977015483592};
  for (size_t i = 0; i < 3; ++i) CHECK(d.mean()[i] == doctest::Approx(mean[i]));
  for (size_t i = 0; i < 9; ++i) {
    CHECK(d.covariance().matrix()[i] == doctest::Approx(c[i]).epsilon(1e-6));
  }
}

TEST_CASE("cma_distribution: points as good as each other share their ranks' weights") {
  const std::vector<double> by_rank{0.6, 0.3, 0.1, -0.2, -0.4};
  const std::vector<CmaRanked> ranked{
      {.x = {}}, {.x = {}}, {.x = {}, .tied = true}, {.x = {}}, {.x = {}, .tied = true}};
  const std::vector<double> w = weights_of(by_rank, ranked);
  const double expected[5] = {0.6, 0.2, 0.2, -0.3, -0.3};
  for (size_t i = 0; i < 5; ++i) CHECK(w[i] == doctest::Approx(expected[i]));
}

TEST_CASE("cma_distribution: samples lie in the cube, with the mean and deviation it says") {
  const CmaDistribution d = distribution({0.5, 0.5}, 0.1, 8);
  Rng rng(2);
  double sum = 0, squares = 0;
  for (int i = 0; i < 4000; ++i) {
    const std::vector<double> x = d.sample({}, rng);
    sum += x[0];
    squares += std::pow(x[0] - 0.5, 2);
  }
  CHECK(sum / 4000 == doctest::Approx(0.5).epsilon(0.02));
  CHECK(std::sqrt(squares / 4000) == doctest::Approx(0.1).epsilon(0.05));

  const CmaDistribution corner = distribution({0, 1, 0, 1, 0, 1}, 0.5, 8);
  for (int i = 0; i < 200; ++i) {
    for (const double v : corner.sample({}, rng)) CHECK((v >= 0 && v <= 1));
  }
}

TEST_CASE("cma_margin: every integer keeps its chance to change, whatever the distribution") {
  const Space space{{"n", int_range(0, 9)},
                    {"log", log_int_range(1, 64)},
                    {"step", stepped_range(0, 1, 0.25)},
                    {"two", int_range(0, 1)},
                    {"x", range(0, 1)}};
  const CmaSpace cma_space(space);
  const double alpha = 0.04;
  Rng rng(4);
  for (int turn = 0; turn < 300; ++turn) {
    std::vector<double> mean(5);
    for (double& m : mean) m = rng.uniform();
    CmaDistribution d = distribution(mean, std::pow(10.0, rng.uniform(-8, 0)), 8);
    const double free = d.deviation(4);
    keep_margin(d, cma_space, alpha);
    CHECK(d.mean()[4] == mean[4]);
    CHECK(d.deviation(4) == free);
    for (size_t i = 0; i < 4; ++i) {
      const auto [low, high] = cma_space.cell(i, d.mean()[i]);
      const double below = low > 0 ? upper_tail((d.mean()[i] - low) / d.deviation(i)) : 0;
      const double above = high < 1 ? upper_tail((high - d.mean()[i]) / d.deviation(i)) : 0;
      if (low == 0 || high == 1) {
        CHECK(below + above >= alpha * (1 - 1e-3));
      } else {
        CHECK(below >= alpha / 2 * (1 - 1e-3));
        CHECK(above >= alpha / 2 * (1 - 1e-3));
      }
    }
  }
}

TEST_CASE("cma_space: the cell of a number is where its value comes from") {
  const Space space{
      {"n", int_range(-3, 6)}, {"log", log_int_range(2, 500)}, {"grid", log_grid(1e-3, 1, 7)}};
  const CmaSpace cma_space(space);
  for (size_t i = 0; i < 3; ++i) {
    const Param& p = space.params()[i];
    for (const double u : {0.0, 0.13, 0.5, 0.77, 1.0}) {
      const auto [low, high] = cma_space.cell(i, u);
      CHECK(p.from_unit(low + 1e-9) == p.from_unit(u));
      CHECK(p.from_unit(high - 1e-9) == p.from_unit(u));
      if (low > 0) CHECK(p.from_unit(low - 1e-9) != p.from_unit(u));
      if (high < 1) CHECK(p.from_unit(high + 1e-9) != p.from_unit(u));
    }
  }
}

TEST_CASE("cma_choices: probabilities sum to 1, follow the better points, and keep a margin") {
  CmaChoices choices(3);
  for (int turn = 0; turn < 60; ++turn) {
    choices.update(std::vector<int64_t>{2, 2, 0, -1}, std::vector<double>{0.5, 0.3, 0, 0.2}, 0.02);
    const auto& p = choices.probabilities();
    CHECK(p[0] + p[1] + p[2] == doctest::Approx(1));
    for (const double one : p) CHECK(one >= 0.02 - 1e-12);
  }
  CHECK(choices.probabilities()[2] > 0.95);
  CHECK(choices.at(0.0) == 0);
  CHECK(choices.at(0.999) == 2);
}

TEST_CASE("cma_restarts: a flat or converged run is over, and populations grow as they should") {
  const Space space{{"x", range(0, 1)}, {"y", range(0, 1)}, {"z", range(0, 1)}};
  const CmaSpace cma_space(space);
  const CmaRun first{.population = 7, .sigma = 0.2, .trials = 700};
  const CmaDistribution wide = distribution({.5, .5, .5}, 0.1, 7);
  const size_t looked_at = generations_looked_at(3, 7);
  std::vector<double> best(looked_at, 4.0);
  CHECK(is_over(first, wide, cma_space, best));
  best.back() = 3.9;
  CHECK_FALSE(is_over(first, wide, cma_space, best));
  best.assign(looked_at - 1, 4.0);
  CHECK_FALSE(is_over(first, wide, cma_space, best));
  CHECK(is_over(first, distribution({.5, .5, .5}, 1e-13, 7), cma_space, {}));

  Rng rng(5);
  CmaRun run = first;
  for (const size_t population : {14, 28, 56}) {
    run = next_run(run, Restarts::ipop, 7, 0.2, rng);
    CHECK(run.population == population);
    CHECK(run.sigma == 0.2);
  }
  // BIPOP: small runs until they have used as many trials as the large ones.
  run = next_run(first, Restarts::bipop, 7, 0.2, rng);
  CHECK(run.small);
  CHECK(run.budget == 350);
  CHECK((run.population >= 7 && run.population <= 14));
  CHECK((run.sigma <= 0.2 && run.sigma >= 0.2e-2));
  run.trials = 700;
  run = next_run(run, Restarts::bipop, 7, 0.2, rng);
  CHECK_FALSE(run.small);
  CHECK(run.population == 14);
}
