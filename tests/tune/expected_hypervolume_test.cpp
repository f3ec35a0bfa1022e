// What a front leaves to be won: boxes, its expected gain, and the chance of being feasible.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "attune/base/rng.h"
#include "attune/tune/internal/math/box_decomposition.h"
#include "attune/tune/internal/math/hypervolume.h"
#include "attune/tune/samplers/internal/gp/expected_hypervolume.h"
#include "attune/tune/samplers/internal/gp/feasibility.h"
#include "attune/tune/samplers/internal/gp/fit.h"
#include "attune/tune/samplers/internal/gp/output_transform.h"

using namespace attune;
using namespace attune::tune::internal;

namespace {

std::vector<Losses> random_losses(size_t count, size_t objectives, uint64_t levels, Rng& rng) {
  std::vector<Losses> points(count, Losses(objectives));
  for (Losses& p : points) {
    for (double& loss : p) {
      loss = levels > 0 ? static_cast<double>(rng.below(levels)) / static_cast<double>(levels)
                        : rng.uniform();
    }
  }
  return points;
}

// Of three numbers and a category; each model has another bowl.
std::vector<GaussianProcess> fitted_models(size_t count, Rng& rng) {
  std::vector<GaussianProcess> models;
  for (size_t i = 0; i < count; ++i) {
    Observations data{{}, {}, {false, false, false, true}};
    std::vector<double> losses;
    for (int k = 0; k < 25; ++k) {
      Point p{rng.uniform(), rng.uniform(), k % 5 == 0 ? kInactive : rng.uniform(),
              static_cast<double>(rng.below(3))};
      losses.push_back(std::pow(p[0] - 0.3 * static_cast<double>(i), 2) + p[1] * p[0] + 0.1 * p[3] +
                       (is_active(p[2]) ? 0.2 * p[2] : 0.1));
      data.points.push_back(std::move(p));
    }
    data.values = standardize(losses);
    const std::shared_ptr<const Kernel> kernel = anova_kernel(4);
    MapObjective objective(*kernel, data);
    std::vector<double> theta = fit_hyperparameters(objective);
    models.emplace_back(kernel, std::move(data), std::move(theta));
  }
  return models;
}

// Central differences of fourth order in the numbers of x.
void check_gradient(const Acquisition& f, const Point& x) {
  std::vector<double> gradient(x.size());
  CHECK(f(x, gradient) == doctest::Approx(f(x)).epsilon(1e-12));
  for (size_t i = 0; i < 3; ++i) {
    if (!is_active(x[i])) {
      CHECK(gradient[i] == 0);
      continue;
    }
    const auto at = [&](double step) {
      Point y = x;
      y[i] += step;
      return f(y);
    };
    const double h = 1e-4;
    const double slope = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h);
    CHECK(std::abs(gradient[i] - slope) < 1e-5 * std::max(1.0, std::abs(slope)));
  }
}

}  // namespace

TEST_CASE("boxes: disjoint, undominated, and with the hypervolume they fill the whole") {
  Rng rng(1);
  for (const size_t objectives : {1, 2, 3, 4}) {
    for (const size_t count : {0, 1, 2, 15}) {
      for (const uint64_t levels : {0, 4}) {
        CAPTURE(objectives);
        CAPTURE(count);
        CAPTURE(levels);
        const std::vector<Losses> points = random_losses(count, objectives, levels, rng);
        const Losses reference(objectives, 0.9);
        const std::vector<LossBox> boxes = nondominated_boxes(points, reference);
        double sum = 0;
        for (const LossBox& box : boxes) {
          double volume = 1;
          Losses inside;
          for (size_t i = 0; i < objectives; ++i) {
            const double low = std::max(box.low[i], -1.0);
            CHECK(box.high[i] > low);
            volume *= box.high[i] - low;
            inside.push_back(low + 0.999 * (box.high[i] - low));
          }
          sum += volume;
          size_t holders = 0;
          for (const LossBox& other : boxes) {
            bool holds = true;
            for (size_t i = 0; i < objectives; ++i) {
              holds = holds && other.low[i] <= inside[i] && inside[i] < other.high[i];
            }
            holders += holds;
          }
          CHECK(holders == 1);
          CHECK(std::none_of(points.begin(), points.end(),
                             [&](const Losses& p) { return dominates(p, inside); }));
        }
        const double whole = std::pow(1.9, static_cast<double>(objectives));
        CHECK(sum + hypervolume(points, reference) == doctest::Approx(whole));
        if (objectives == 2) CHECK(boxes.size() <= count + 1);
        if (objectives == 3) CHECK(boxes.size() <= 2 * count + 1);
      }
    }
  }
}

TEST_CASE("log EHVI: as drawn from the models, for one, two and three objectives") {
  // As samplers do: thousands of small products do not wait for a second core that others use.
  Rng rng(2);
  for (const size_t objectives : {1, 2, 3}) {
    CAPTURE(objectives);
    const std::vector<GaussianProcess> models = fitted_models(objectives, rng);
    std::vector<Losses> front = random_losses(8, objectives, 0, rng);
    for (Losses& p : front) {
      for (double& loss : p) loss = 2 * loss - 1.5;
    }
    const Losses reference(objectives, 0.6);
    const LogExpectedHypervolumeImprovement acquisition(models, front, reference);
    const double before = hypervolume(front, reference);
    for (int repeat = 0; repeat < 4; ++repeat) {
      const Point x{rng.uniform(), rng.uniform(), rng.uniform(), 1};
      PredictionScratch scratch;
      double sum = 0, squares = 0;
      constexpr int kDraws = 20'000;
      for (int draw = 0; draw < kDraws; ++draw) {
        std::vector<Losses> more = front;
        Losses& y = more.emplace_back();
        for (const GaussianProcess& model : models) {
          const Prediction p = model.predict(x, false, scratch);
          y.push_back(p.mean + p.deviation * rng.normal());
        }
        const double gain = hypervolume(more, reference) - before;
        sum += gain, squares += gain * gain;
      }
      const double mean = sum / kDraws;
      const double error = std::sqrt((squares / kDraws - mean * mean) / kDraws);
      CHECK(std::abs(std::exp(acquisition(x)) - mean) < 4.5 * error + 1e-9);
    }
  }
}

TEST_CASE("log EHVI: slopes, many points as one, hopeless points too") {
  Rng rng(3);
  for (const size_t objectives : {1, 2, 3}) {
    CAPTURE(objectives);
    const std::vector<GaussianProcess> models = fitted_models(objectives, rng);
    for (const double shift : {0.0, -30.0}) {  // -30: a front that no point will ever reach
      CAPTURE(shift);
      std::vector<Losses> front = random_losses(6, objectives, 0, rng);
      for (Losses& p : front) {
        for (double& loss : p) loss += shift - 1;
      }
      const LogExpectedHypervolumeImprovement acquisition(models, front, Losses(objectives, shift));
      std::vector<Point> points;
      for (int repeat = 0; repeat < 10; ++repeat) {
        points.push_back({rng.uniform(), rng.uniform(), repeat % 3 == 0 ? kInactive : rng.uniform(),
                          static_cast<double>(rng.below(3))});
        check_gradient(acquisition, points.back());
      }
      const std::vector<double> values = acquisition(points);
      for (size_t k = 0; k < points.size(); ++k) {
        CHECK(std::isfinite(values[k]));
        CHECK(values[k] == doctest::Approx(acquisition(points[k])).epsilon(1e-8));
      }
    }
  }
}

TEST_CASE("log probability: against another implementation's, and rising") {
  struct Row {
    double z, value, slope;
  };
  const Row rows[] = {{-1000, -500007.826694812, 1000.000999998},
                      {-30.01, -454.62162649784125, 30.04324863337},
                      {-29.99, -454.0209613044682, 30.02327070881},
                      {-5, -15.064998393988726, 5.186503967125849},
                      {0, -0.69314718055994530942, 0.79788456080286535588},
                      {1, -0.17275377902344989, 0.28759997093917833},
                      {9, -1.1285884059538406e-19, 1.0279773571668917e-18}};
  for (const Row& row : rows) {
    CAPTURE(row.z);
    CHECK(log_probability(row.z).value == doctest::Approx(row.value).epsilon(1e-9));
    CHECK(log_probability(row.z).slope == doctest::Approx(row.slope).epsilon(1e-9));
  }
  for (double z = -100; z < 8; z += 0.25) {
    CHECK(log_probability(z + 0.25).value > log_probability(z).value);
  }
}

TEST_CASE("feasible acquisition: a product of probabilities, with a promise or without") {
  Rng rng(4);
  const std::vector<GaussianProcess> models = fitted_models(3, rng);
  const std::span<const GaussianProcess> constraints(models.data() + 1, 2);
  const LogExpectedImprovement improvement(models[0], -0.5);
  for (const Acquisition* promise :
       {static_cast<const Acquisition*>(&improvement), static_cast<const Acquisition*>(nullptr)}) {
    const FeasibleAcquisition acquisition(promise, constraints, {-0.3, 0.4});
    std::vector<Point> points;
    for (int repeat = 0; repeat < 10; ++repeat) {
      points.push_back(
          {rng.uniform(), rng.uniform(), rng.uniform(), static_cast<double>(rng.below(3))});
      const Point& x = points.back();
      PredictionScratch scratch;
      double expected = promise ? std::exp((*promise)(x)) : 1;
      const double limits[] = {-0.3, 0.4};
      for (size_t i = 0; i < 2; ++i) {
        const Prediction c = constraints[i].predict(x, false, scratch);
        expected *= 0.5 * std::erfc((c.mean - limits[i]) / c.deviation / std::sqrt(2.0));
      }
      CHECK(std::exp(acquisition(x)) == doctest::Approx(expected).epsilon(1e-7));
      check_gradient(acquisition, x);
    }
    const std::vector<double> values = acquisition(points);
    for (size_t k = 0; k < points.size(); ++k) {
      CHECK(values[k] == doctest::Approx(acquisition(points[k])).epsilon(1e-8));
    }
  }
}
