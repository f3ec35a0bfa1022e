// Expected improvement and the search for its highest point.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "attune/base/rng.h"
#include "attune/tune/internal/math/sobol_sequence.h"
#include "attune/tune/samplers/internal/gp/acquisition_search.h"
#include "attune/tune/samplers/internal/gp/fit.h"
#include "attune/tune/samplers/internal/gp/output_transform.h"
#include "attune/tune/samplers/internal/gp/trust_region.h"

using namespace attune;
using namespace attune::tune;
using namespace attune::tune::internal;

namespace {

// Two numbers, an integer, and a choice of which one has a number of its own.
Space mixed_space() {
  return Space{{"x", range(0, 1)},
               {"y", range(-1, 1)},
               {"n", int_range(1, 7)},
               {"kind", choice({"a", "b", "c"})},
               {"z", range(0, 1).when("kind", "b")}};
}

GaussianProcess fitted(const Domain& domain, size_t trials, uint64_t seed) {
  Rng rng(seed);
  Observations data{{}, {}, domain.categorical()};
  std::vector<double> losses;
  for (size_t i = 0; i < trials; ++i) {
    std::vector<double> units(domain.size());
    for (double& u : units) u = rng.uniform();
    const Point p = domain.point(units);
    data.points.push_back(p);
    const double z = is_active(p[4]) ? 0.3 * p[4] : 0.2;
    losses.push_back(std::pow(p[0] - 0.3, 2) + std::pow(p[1] - 0.8, 2) + std::pow(p[2] - 0.4, 2) +
                     z);
  }
  data.values = standardize(losses);
  const std::shared_ptr<const Kernel> kernel = anova_kernel(domain.size());
  MapObjective objective(*kernel, data);
  std::vector<double> theta = fit_hyperparameters(objective);
  return GaussianProcess(kernel, std::move(data), std::move(theta));
}

}  // namespace

TEST_CASE("log EI: against 60 digits, from hopeless to certain") {
  struct Row {
    double z, value, slope;  // log(phi + z Phi), Phi / (phi + z Phi)
  };
  const Row rows[] = {{-1000, -500014.73445209115845, 1000.001999994000042},
                      {-300, -45012.326536814554207, 300.0066664444617265},
                      {-100, -5010.1295788002497923, 100.01999400419586505},
                      {-25.5, -332.5258844622049783, 25.578073358175351678},
                      {-24.9, -317.35848574266734362, 24.979936959471137651},
                      {-10, -55.553122036122355927, 10.194383033412553306},
                      {-5, -16.744301162660990143, 5.3618162412880885298},
                      {-3.01, -7.9050534622565800607, 3.5411437809367885255},
                      {-2.99, -7.8344066965089732595, 3.5235358728492124467},
                      {-1, -2.4851210257126413368, 1.9042712333296918229},
                      {0, -0.91893853320467274178, 1.2533141373155002512},
                      {0.5, -0.35982768374506381859, 0.99092271800410996015},
                      {3, 1.0987396653277077727, 0.33284096845179523558},
                      {10, 2.302585092994045684, 0.1}};
  for (const Row& row : rows) {
    CAPTURE(row.z);
    const LogImprovement h = log_improvement(row.z);
    CHECK(std::abs(h.value - row.value) < 2e-13 * std::max(1.0, std::abs(row.value)));
    CHECK(std::abs(h.slope - row.slope) < 1e-12 * row.slope);
  }
}

TEST_CASE("log EI: rises everywhere, and its slope is its slope") {
  double before = log_improvement(-1000).value;
  for (double z = -999.9; z < 10; z += 0.1) {
    const LogImprovement h = log_improvement(z);
    CHECK(h.value > before);
    before = h.value;
    if (z < -950) continue;
    const double step = 1e-3;
    const double slope =
        (log_improvement(z + step).value - log_improvement(z - step).value) / (2 * step);
    CHECK(h.slope == doctest::Approx(slope).epsilon(1e-5));
  }
}

TEST_CASE("log EI of a model: its gradient is its slope, many points are as one") {
  const Space space = mixed_space();
  const Domain domain(space);
  const GaussianProcess model = fitted(domain, 30, 1);
  const LogExpectedImprovement acquisition(model);
  Rng rng(2);
  std::vector<Point> points;
  for (int repeat = 0; repeat < 30; ++repeat) {
    std::vector<double> units(domain.size());
    for (double& u : units) u = rng.uniform();
    points.push_back(domain.point(units));
    const Point& x = points.back();
    std::vector<double> gradient(x.size());
    CHECK(acquisition(x, gradient) == acquisition(x));
    for (size_t i = 0; i < x.size(); ++i) {
      if (domain.categorical(i) || !is_active(x[i])) continue;
      const auto f = [&](double step) {
        Point y = x;
        y[i] += step;
        return acquisition(y);
      };
      const double h = 5e-4;  // smaller: rounding in the variance beside a known point shows
      const double slope = (8 * (f(h) - f(-h)) - (f(2 * h) - f(-2 * h))) / (12 * h);
      CHECK(std::abs(gradient[i] - slope) < 1e-6 * std::max(1.0, std::abs(slope)));
    }
  }
  const std::vector<double> values = acquisition(points);
  for (size_t i = 0; i < points.size(); ++i) {
    CHECK(values[i] == doctest::Approx(acquisition(points[i])).epsilon(1e-9));
  }
}

TEST_CASE("acquisition search: no worse than 20,000 random points, and legal") {
  const Space space = mixed_space();
  const Domain domain(space);
  for (uint64_t seed = 0; seed < 5; ++seed) {
    const GaussianProcess model = fitted(domain, 25, 10 + seed);
    const LogExpectedImprovement acquisition(model);
    Rng rng(seed);
    std::vector<Point> points;
    for (int i = 0; i < 20000; ++i) {
      std::vector<double> units(domain.size());
      for (double& u : units) u = rng.uniform();
      points.push_back(domain.point(units));
    }
    const std::vector<double> values = acquisition(points);
    const AcquisitionSearch search{
        acquisition, domain, {model.data().points[0]}, false, [](const Point&) { return true; }};
    const auto found = maximize(search, rng);
    REQUIRE(found);
    CHECK(acquisition(*found) > *std::max_element(values.begin(), values.end()) - 1e-3);
    CHECK(same_point(*found, domain.point(domain.units(*found))));

    // What is not acceptable is not found, even where it is best.
    const AcquisitionSearch picky{
        acquisition, domain, {model.data().points[0]}, false, [&](const Point& p) {
          return p[3] != (*found)[3];
        }};
    const auto other = maximize(picky, rng);
    REQUIRE(other);
    CHECK((*other)[3] != (*found)[3]);
    const AcquisitionSearch hopeless{
        acquisition, domain, {model.data().points[0]}, false, [](const Point&) { return false; }};
    CHECK(!maximize(hopeless, rng));
  }
}

TEST_CASE("domain: levels, conditions and units fit together") {
  const Space space = mixed_space();
  const Domain domain(space);
  CHECK(domain.continuous(0));
  CHECK(domain.enumerable(2));
  const Point p = domain.point(std::vector<double>{0.25, 1, 0.99, 0.5, 0.125});
  CHECK(p == Point{0.25, 1, 6.5 / 7, 1, 0.125});
  const Point q = domain.point(std::vector<double>{0.25, 1, 0.99, 0.1, 0.125});
  CHECK(q[3] == 0);
  CHECK(!is_active(q[4]));
  Point woken = q;
  woken[3] = 1;
  domain.settle(woken, nullptr);
  CHECK(woken[4] == 0.5);

  const Space finite{{"n", int_range(1, 3)},
                     {"kind", choice({"a", "b"})},
                     {"m", int_range(1, 4).when("kind", "b")}};
  CHECK(Domain(finite).all(100).size() == 3 + 3 * 4);
  CHECK(Domain(finite).all(10).empty());
}

TEST_CASE("trust region: doubles after two successes, halves after three failures") {
  const auto length = [](std::vector<TrialLoss> trials) { return trust_region_length(trials); };
  const TrialLoss start[] = {{10, false}, {20, false}, {30, false}};
  std::vector<TrialLoss> t(std::begin(start), std::end(start));
  CHECK(length(t) == 0.4);
  t.push_back({9, true});
  t.push_back({1, false});  // not a local trial
  CHECK(length(t) == 0.4);
  t.push_back({0.5, true});
  CHECK(length(t) == 0.8);
  t.push_back({0.4999, true});  // hardly better: a failure
  t.push_back({7, true});
  CHECK(length(t) == 0.8);
  t.push_back({7, true});
  CHECK(length(t) == 0.4);
  for (int i = 0; i < 15; ++i) t.push_back({7, true});
  CHECK(length(t) == 0.0125);
  for (int i = 0; i < 3; ++i) t.push_back({7, true});
  CHECK(length(t) == 0.4);

  const Space space{{"x", range(0, 1)}, {"kind", choice({"a", "b"})}};
  const Domain domain(space);
  const TrustRegion region(domain, {0.1, 0}, 0.4);
  const Point local = region.to_local({0.15, 0});
  CHECK(local[0] == doctest::Approx(0.5));  // the box is [0, 0.3]
  CHECK(region.to_global(local)[0] == doctest::Approx(0.15));
  const std::vector<Point> points = {{0.9, 0}, {0.2, 0}, {0.1, 1}, {0.45, 0}, {0.6, 0}};
  CHECK(region.neighbors(points, 1, 9) == std::vector<size_t>{1, 3});
  CHECK(region.neighbors(points, 3, 9) == std::vector<size_t>{1, 3, 4});
  CHECK(region.neighbors(points, 3, 2) == std::vector<size_t>{1, 3});
}

TEST_CASE("sobol: the published points, and even when scrambled") {
  const SobolSequence plain(4);
  CHECK(plain.point(0) == std::vector<double>{0, 0, 0, 0});
  CHECK(plain.point(1) == std::vector<double>{0.5, 0.5, 0.5, 0.5});
  CHECK(plain.point(2) == std::vector<double>{0.25, 0.75, 0.75, 0.75});
  CHECK(plain.point(3) == std::vector<double>{0.75, 0.25, 0.25, 0.25});
  const SobolSequence scrambled(64, 7), other(64, 8);
  CHECK(scrambled.point(5) != other.point(5));
  for (size_t dim = 0; dim < 64; ++dim) {  // of 256 points one in each 256th
    std::vector<int> count(256);
    for (uint64_t i = 0; i < 256; ++i) {
      ++count[static_cast<size_t>(scrambled.point(i)[dim] * 256)];
    }
    CHECK(*std::min_element(count.begin(), count.end()) == 1);
  }
}
