// The Gaussian process of bayesian(): each part against a slow, plain formula.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "attune/base/error.h"
#include "attune/base/rng.h"
#include "attune/tune/samplers/internal/gp/box_minimizer.h"
#include "attune/tune/samplers/internal/gp/fit.h"
#include "attune/tune/samplers/internal/gp/model.h"
#include "attune/tune/samplers/internal/gp/output_transform.h"

using namespace attune;
using namespace attune::tune::internal;

namespace {

constexpr size_t kDims = 4;  // two numbers, a category, a number that only some points have
const std::vector<bool> kCategorical = {false, false, true, false};

Point random_point(Rng& rng) {
  Point p = {rng.uniform(), rng.uniform(), static_cast<double>(rng.below(3)), rng.uniform()};
  if (p[2] != 1) p[3] = kInactive;
  return p;
}

Observations noisy_data(size_t n, uint64_t seed) {
  Rng rng(seed);
  Observations data{{}, {}, kCategorical, {.mean = 0.3, .deviation = 0.5}};
  std::vector<double> y;
  for (size_t i = 0; i < n; ++i) {
    data.points.push_back(random_point(rng));
    const Point& p = data.points.back();
    y.push_back(std::sin(5 * p[0]) + p[1] * p[1] + (p[2] == 1 ? p[3] : 0.5) + 0.1 * rng.normal());
  }
  data.values = standardize(y);
  return data;
}

std::vector<std::unique_ptr<Kernel>> all_kernels() {
  std::vector<std::unique_ptr<Kernel>> kernels;
  kernels.push_back(anova_kernel(kDims));
  kernels.push_back(ard_additive_kernel(kDims));
  return kernels;
}

// Somewhere around the prior means, the noise last.
std::vector<double> random_theta(const Kernel& kernel, Rng& rng) {
  std::vector<double> theta;
  for (const LogPrior& p : kernel.priors()) theta.push_back(p.mean + 0.5 * rng.normal());
  theta.push_back(std::log(0.02));
  return theta;
}

double matern(double d) {
  const double r = std::sqrt(5 * d);
  return (1 + r + r * r / 3) * std::exp(-r);
}

// The two kernels as their comments in gp_kernel.h say, one pair at a time.
double plain_kernel(bool anova, const std::vector<double>& t, const Point& a, const Point& b) {
  double product = 1, joint = 0, sum = 0;
  for (size_t i = 0; i < kDims; ++i) {
    double d = (a[i] - b[i]) * (a[i] - b[i]);
    if (i == 2) d = a[i] == b[i] ? 0 : 1;
    if (is_active(a[i]) != is_active(b[i])) {
      const double u = is_active(a[i]) ? a[i] : b[i];
      d = (anova ? 1e4 : 0.25) + (u - 0.5) * (u - 0.5);
    }
    if (!is_active(a[i]) && !is_active(b[i])) d = 0;
    if (anova) {
      const double w = std::exp(t[kDims + 1]);
      product *= (1 + w * matern(d / std::exp(2 * t[i]))) / (1 + w);
    } else {
      joint += d / std::exp(2 * t[i]);
      sum += matern(d / std::exp(2 * t[kDims + 2 + i]));
    }
  }
  if (anova) return std::exp(t[kDims]) * product;
  return std::exp(t[kDims]) * matern(joint) + std::exp(t[kDims + 1]) / kDims * sum;
}

// The bowl as mean_function.h says.
double plain_bowl(const Point& p) {
  double sum = 0;
  for (const size_t i : {0, 1, 3}) {
    if (is_active(p[i])) sum += (2 * p[i] - 1) * (2 * p[i] - 1) - 1.0 / 3;
  }
  return sum / std::sqrt(4.0 / 45 * kDims);
}

// Solves m x = b by elimination with pivots.
std::vector<double> solve(std::vector<std::vector<double>> m, std::vector<double> b) {
  const size_t n = b.size();
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k; i < n; ++i) {
      if (std::abs(m[i][k]) > std::abs(m[pivot][k])) pivot = i;
    }
    std::swap(m[k], m[pivot]), std::swap(b[k], b[pivot]);
    for (size_t i = k + 1; i < n; ++i) {
      const double f = m[i][k] / m[k][k];
      for (size_t j = k; j < n; ++j) m[i][j] -= f * m[k][j];
      b[i] -= f * b[k];
    }
  }
  for (size_t k = n; k-- > 0;) {
    for (size_t j = k + 1; j < n; ++j) b[k] -= m[k][j] * b[j];
    b[k] /= m[k][k];
  }
  return b;
}

double dot_product(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

TEST_CASE("gp: the gradient of the fit's objective is its slope") {
  Rng rng(1);
  const Observations data = noisy_data(23, 2);
  for (const auto& kernel : all_kernels()) {
    MapObjective objective(*kernel, data);
    for (int repeat = 0; repeat < 5; ++repeat) {
      const std::vector<double> theta = random_theta(*kernel, rng);
      std::vector<double> gradient(theta.size());
      const double value = objective(theta, gradient);
      CHECK(value == doctest::Approx(objective(theta, {})).epsilon(1e-12));
      for (size_t i = 0; i < theta.size(); ++i) {
        CAPTURE(i);
        auto up = theta, down = theta;
        const double h = 1e-4;
        up[i] += h, down[i] -= h;
        const double near = (objective(up, {}) - objective(down, {})) / (2 * h);
        up[i] += h, down[i] -= h;
        const double far = (objective(up, {}) - objective(down, {})) / (4 * h);
        const double slope = near + (near - far) / 3;  // Richardson: the h^2 term cancels
        CHECK(std::abs(gradient[i] - slope) < 1e-6 * std::max(1.0, std::abs(slope)));
      }
    }
  }
}

TEST_CASE("gp: the posterior is the textbook's") {
  Rng rng(3);
  const Observations data = noisy_data(19, 4);
  const size_t n = data.points.size();
  bool anova = true;
  for (auto& owned : all_kernels()) {
    const std::shared_ptr<const Kernel> kernel = std::move(owned);
    const std::vector<double> theta = random_theta(*kernel, rng);
    const GaussianProcess model(kernel, data, theta);
    std::vector<std::vector<double>> matrix(n, std::vector<double>(n));
    for (size_t i = 0; i < n; ++i) {
      for (size_t j = 0; j < n; ++j) {
        matrix[i][j] = plain_kernel(anova, theta, data.points[i], data.points[j]);
      }
      matrix[i][i] *= 1 + 1e-9;
      matrix[i][i] += std::exp(theta.back());
    }
    const std::vector<double> ones(n, 1.0), to_ones = solve(matrix, ones);
    std::vector<double> bowls;
    for (const Point& p : data.points) bowls.push_back(plain_bowl(p));
    const std::vector<double> to_bowls = solve(matrix, bowls);
    const std::vector<double> weights =
        solve({{dot_product(to_ones, ones) + 1, dot_product(to_ones, bowls)},
               {dot_product(to_ones, bowls), dot_product(to_bowls, bowls) + 1 / 0.25}},
              {dot_product(to_ones, data.values), dot_product(to_bowls, data.values) + 0.3 / 0.25});
    std::vector<double> residual = data.values;
    for (size_t i = 0; i < n; ++i) residual[i] -= weights[0] + weights[1] * bowls[i];
    const std::vector<double> alpha = solve(matrix, residual);

    std::vector<Point> points;
    for (int i = 0; i < 50; ++i) points.push_back(random_point(rng));
    const std::vector<Prediction> batch = model.predict(points);
    PredictionScratch scratch;
    for (size_t p = 0; p < points.size(); ++p) {
      std::vector<double> k(n);
      for (size_t i = 0; i < n; ++i) k[i] = plain_kernel(anova, theta, points[p], data.points[i]);
      const double mean = weights[0] + weights[1] * plain_bowl(points[p]) + dot_product(k, alpha);
      const double variance =
          plain_kernel(anova, theta, points[p], points[p]) - dot_product(k, solve(matrix, k));
      const Prediction one = model.predict(points[p], false, scratch);
      CHECK(one.mean == doctest::Approx(mean).epsilon(1e-9));
      CHECK(one.deviation == doctest::Approx(std::sqrt(variance)).epsilon(1e-8));
      CHECK(batch[p].mean == doctest::Approx(mean).epsilon(1e-9));
      CHECK(batch[p].deviation == doctest::Approx(std::sqrt(variance)).epsilon(1e-8));
    }
    for (size_t i = 0; i < n; ++i) {  // the smoothed data are the posterior mean there
      CHECK(model.smoothed()[i] ==
            doctest::Approx(model.predict(data.points[i], false, scratch).mean).epsilon(1e-7));
    }
    anova = false;
  }
}

TEST_CASE("gp: the gradients of mean and deviation are their slopes") {
  Rng rng(5);
  for (auto& owned : all_kernels()) {
    const std::shared_ptr<const Kernel> kernel = std::move(owned);
    const GaussianProcess model(kernel, noisy_data(21, 6), random_theta(*kernel, rng));
    PredictionScratch scratch;
    for (int repeat = 0; repeat < 20; ++repeat) {
      const Point x = random_point(rng);
      const Prediction at = model.predict(x, true, scratch);
      std::vector<double> gradient(kDims);
      model.gradient(x, at, 0.7, -1.3, scratch, gradient);
      for (size_t i = 0; i < kDims; ++i) {
        if (i == 2 || !is_active(x[i])) {
          CHECK(gradient[i] == 0);
          continue;
        }
        const auto f = [&](double step) {
          Point y = x;
          y[i] += step;
          const Prediction p = model.predict(y, false, scratch);
          return 0.7 * p.mean - 1.3 * p.deviation;
        };
        const double h = 1e-4;
        const double slope = (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
        CHECK(std::abs(gradient[i] - slope) < 1e-6 * std::max(1.0, std::abs(slope)));
      }
    }
  }
}

TEST_CASE("gp: kernels are positive definite anywhere in their box, repeated points included") {
  Rng rng(7);
  Observations data = noisy_data(40, 8);
  data.points[1] = data.points[0];
  data.points[3] = data.points[2];
  for (const auto& kernel : all_kernels()) {
    MapObjective objective(*kernel, data);
    for (int repeat = 0; repeat < 50; ++repeat) {
      std::vector<double> theta;
      for (const LogPrior& p : objective.priors()) theta.push_back(rng.uniform(p.low, p.high));
      theta.back() = std::log(1e-5);
      theta[kDims] = std::min(theta[kDims], std::log(10.0));
      CHECK(objective(theta, {}) < 1e10);
    }
  }
}

TEST_CASE("gp: a fit finds what matters") {
  Rng rng(9);
  Observations data{{}, {}, {false, false}};
  std::vector<double> y;
  for (int i = 0; i < 30; ++i) {
    data.points.push_back({rng.uniform(), rng.uniform()});
    y.push_back(std::sin(6 * data.points.back()[0]));  // the second number does nothing
  }
  data.values = standardize(y);
  const std::shared_ptr<const Kernel> kernel = anova_kernel(2);
  MapObjective objective(*kernel, data);
  const std::vector<double> theta = fit_hyperparameters(objective);
  CHECK(objective(theta, {}) < objective(objective.prior_mean(), {}));
  CHECK(std::exp(theta[1]) > 3 * std::exp(theta[0]));
  CHECK(fit_hyperparameters(objective) == theta);

  const GaussianProcess model(kernel, data, theta);
  PredictionScratch scratch;
  const double low = model.predict({0.785, 0.3}, false, scratch).mean;   // sin(4.71) = -1
  const double high = model.predict({0.262, 0.7}, false, scratch).mean;  // sin(1.57) = 1
  CHECK(low ==
        doctest::Approx(*std::min_element(data.values.begin(), data.values.end())).epsilon(0.05));
  CHECK(high ==
        doctest::Approx(*std::max_element(data.values.begin(), data.values.end())).epsilon(0.05));
}

TEST_CASE(
    "gp: far from the data it expects a bowl where the data are one, and none without a prior") {
  Rng rng(13);
  Observations data{{}, {}, {false, false}, {.mean = 0, .deviation = 0.5}};
  std::vector<double> y;
  for (int i = 0; i < 12; ++i) {
    data.points.push_back({0.2 + 0.6 * rng.uniform(), 0.2 + 0.6 * rng.uniform()});
    const Point& p = data.points.back();
    y.push_back((p[0] - 0.5) * (p[0] - 0.5) + (p[1] - 0.5) * (p[1] - 0.5));
  }
  data.values = standardize(y);
  const std::shared_ptr<const Kernel> kernel = anova_kernel(2);
  std::vector<double> theta = MapObjective(*kernel, data).prior_mean();
  theta[0] = theta[1] = std::log(0.05);  // corners are many length scales away
  PredictionScratch scratch;
  const double corner = GaussianProcess(kernel, data, theta).predict({1, 1}, false, scratch).mean;
  CHECK(corner > *std::max_element(data.values.begin(), data.values.end()));

  data.bowl = {};
  const GaussianProcess level(kernel, data, theta);
  CHECK(level.predict({1, 1}, false, scratch).mean ==
        doctest::Approx(level.predict({0, 0}, false, scratch).mean).epsilon(0.02));
}

TEST_CASE("box minimizer: a curved valley, a bound that holds, NaN, an exception") {
  const auto rosenbrock = [](std::span<const double> x, std::span<double> g) {
    const double t = x[1] - x[0] * x[0];
    g[0] = -400 * x[0] * t - 2 * (1 - x[0]), g[1] = 200 * t;
    return 100 * t * t + (1 - x[0]) * (1 - x[0]);
  };
  const BoxMinimizerOptions options{.evaluations = 300, .tolerance = 1e-14};
  std::vector<double> x = {-1.2, 1};
  minimize_in_box(rosenbrock, std::vector<double>{-2, -2}, std::vector<double>{2, 2}, x, options);
  CHECK(x[0] == doctest::Approx(1).epsilon(1e-6));
  CHECK(x[1] == doctest::Approx(1).epsilon(1e-6));

  x = {-1.2, 1};
  minimize_in_box(rosenbrock, std::vector<double>{-2, -2}, std::vector<double>{0.5, 2}, x, options);
  CHECK(x[0] == 0.5);
  CHECK(x[1] == doctest::Approx(0.25).epsilon(1e-6));

  x = {0.3, 0.3};
  const auto hole = [](std::span<const double> at, std::span<double> g) {
    g[0] = 1, g[1] = 1;
    return at[0] == 0.3 ? 1.0 : std::numeric_limits<double>::quiet_NaN();
  };
  CHECK(minimize_in_box(hole, std::vector<double>{0, 0}, std::vector<double>{1, 1}, x, {}) == 1);
  CHECK(x == std::vector<double>{0.3, 0.3});

  const auto angry = [](std::span<const double>, std::span<double>) -> double {
    throw ValueError("no");
  };
  CHECK_THROWS_AS(
      minimize_in_box(angry, std::vector<double>{0, 0}, std::vector<double>{1, 1}, x, {}),
      ValueError);
}

TEST_CASE("output transforms: standardised, in order, undisturbed by absurd losses") {
  Rng rng(11);
  std::vector<double> losses;
  for (int i = 0; i < 60; ++i) losses.push_back(std::exp(rng.normal()));
  for (const auto& z :
       {standardize(losses), yeo_johnson(losses), standardize(winsorize(losses, 2))}) {
    double mean = 0, variance = 0;
    for (const double v : z) mean += v / 60;
    for (const double v : z) variance += (v - mean) * (v - mean) / 60;
    CHECK(std::abs(mean) < 1e-12);
    CHECK(variance == doctest::Approx(1));
    for (size_t i = 0; i < z.size(); ++i) {
      for (size_t j = 0; j < z.size(); ++j) {
        if (losses[i] < losses[j]) CHECK(z[i] <= z[j]);
      }
    }
  }
  // Log-normal losses become nearly symmetric.
  const auto skewness = [](const std::vector<double>& z) {
    double sum = 0;
    for (const double v : z) sum += v * v * v / static_cast<double>(z.size());
    return std::abs(sum);
  };
  CHECK(skewness(yeo_johnson(losses)) < 0.4 * skewness(standardize(losses)));

  CHECK(winsorize(std::vector<double>{1, 2, 3, 4, 1e300}, 2) == std::vector<double>{1, 2, 3, 4, 7});
  CHECK(winsorize(std::vector<double>{1, 1, 1, 2, 1e300}, 2) == std::vector<double>{1, 1, 1, 2, 4});
  CHECK(winsorize(std::vector<double>{5, 5, 5}, 2) == std::vector<double>{5, 5, 5});
  for (const double v : standardize(std::vector<double>{1e300, -1e300, 0, 5})) {
    CHECK(std::isfinite(v));
  }
  CHECK(standardize(std::vector<double>{3, 3, 3}) == std::vector<double>{0, 0, 0});
  for (const double v : yeo_johnson(std::vector<double>{1e-300, 2e-300, 1e300})) {
    CHECK(std::isfinite(v));
  }
  CHECK(median(std::vector<double>{4, 1, 3}) == 3);
  CHECK(median(std::vector<double>{4, 1, 3, 2}) == 2.5);
}
