// The Parzen estimator against its formula, its distribution function, and itself made anew.
#include "attune/tune/samplers/internal/tpe/parzen_estimator.h"

#include <map>
#include <numeric>

#include "attune/tune/space.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;
using namespace attune::tune;
using namespace attune::tune::internal;

namespace {

double normal_below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }

// The mass of a normal truncated to [0, 1] between a and b.
double truncated_mass(double mean, double width, double a, double b) {
  const auto below = [&](double x) { return normal_below((x - mean) / width); };
  return (below(b) - below(a)) / (below(1) - below(0));
}

std::shared_ptr<const ParzenAxes> axes_of(const std::vector<Param>& params) {
  ParzenAxes axes;
  for (const Param& p : params) axes.emplace_back(p);
  return std::make_shared<const ParzenAxes>(std::move(axes));
}

// One axis of each kind; the log range's levels are wide at one end and narrow at the other.
std::vector<Param> mixed() {
  return {range(0, 1),
          log_range(1e-3, 1e3),
          int_range(3, 9),
          log_int_range(1, 1 << 20),
          stepped_range(0, 1, 0.125),
          choice({"a", "b", "c"})};
}

std::vector<double> random_point(const ParzenAxes& axes, Rng& rng) {
  std::vector<double> point;
  for (const ParzenAxis& axis : axes) {
    const double u = rng.uniform();
    point.push_back(axis.coordinate(u < 0.2 ? u * u : u));  // some close together
  }
  return point;
}

ParzenEstimator filled(const std::shared_ptr<const ParzenAxes>& axes, ParzenWeights weights,
                       const std::map<int64_t, std::vector<double>>& points) {
  ParzenEstimator estimator(axes, weights);
  for (const auto& [number, point] : points) estimator.insert(number, point);
  return estimator;
}

std::map<int64_t, std::vector<double>> some_points(const ParzenAxes& axes, int64_t count,
                                                   uint64_t seed) {
  Rng rng(seed);
  std::map<int64_t, std::vector<double>> points;
  for (int64_t i = 0; i < count; ++i) points[3 * i + 1] = random_point(axes, rng);
  return points;
}

// The log density by the published rules, in double precision, one kernel after the other.
double reference(const ParzenAxes& axes, ParzenWeights weighting,
                 const std::map<int64_t, std::vector<double>>& points,
                 const std::vector<double>& x) {
  std::vector<std::vector<double>> rows;
  for (const auto& [number, point] : points) rows.push_back(point);
  const size_t n = rows.size();
  std::vector<double> density(n + 1, 1.0), weight(n + 1, 1.0);  // the prior last
  if (weighting == ParzenWeights::ramp && n > 25) {
    for (size_t j = 0; j < n - 25; ++j) {
      const double part = n == 26 ? 0 : double(j) / double(n - 26);
      weight[j] = 1 / double(n) + part * (1 - 1 / double(n));
    }
  }
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    const ParzenAxis& a = axes[axis];
    for (size_t j = 0; j <= n; ++j) {
      const bool prior = j == n;
      if (a.kind() == ParzenAxis::Kind::choices) {
        const double own = !prior && rows[j][axis] == x[axis];
        const double smooth = 1 / double(n + 1);
        density[j] *=
            prior ? 1 / double(a.count()) : (smooth + own) / (1 + smooth * double(a.count()));
        continue;
      }
      const double mean = prior ? 0.5 : rows[j][axis];
      double width = 1;
      if (!prior) {
        // Neighbours: of equal coordinates, the number decides who comes first.
        double left = -1, right = 2;
        for (size_t k = 0; k < n; ++k) {
          if (k == j) continue;
          const double other = rows[k][axis];
          if (other < mean || (other == mean && k < j)) left = std::max(left, other);
          if (other > mean || (other == mean && k > j)) right = std::min(right, other);
        }
        width = std::max(left < 0 ? 0 : mean - left, right > 1 ? 0 : right - mean);
        if (n == 1) width = std::max(mean, 1 - mean);
        width = std::clamp(width, 1 / std::min(100.0, double(n) + 2), 1.0);
      }
      if (a.count() == 0) {
        const double z = (x[axis] - mean) / width;
        density[j] *= std::exp(-z * z / 2) / (std::sqrt(2 * M_PI) * width) /
                      (normal_below((1 - mean) / width) - normal_below(-mean / width));
      } else {
        const auto [low, high] = a.slice(x[axis]);
        density[j] *= truncated_mass(mean, width, low, high);
      }
    }
  }
  const double total = std::accumulate(weight.begin(), weight.end(), 0.0);
  double sum = 0;
  for (size_t j = 0; j <= n; ++j) sum += density[j] * weight[j] / total;
  return std::log(sum);
}

}  // namespace

TEST_CASE("parzen: the density is the mixture of the published rules, on every CPU target") {
  const auto axes = axes_of(mixed());
  REQUIRE((*axes)[3].kind() == ParzenAxis::Kind::levels);
  on_all_targets([&] {
    for (const int64_t n : {0, 1, 2, 3, 15, 16, 26, 27, 97, 130}) {
      CAPTURE(n);
      const auto points = some_points(*axes, n, 5);
      for (const auto weights : {ParzenWeights::equal, ParzenWeights::ramp}) {
        ParzenEstimator estimator = filled(axes, weights, points);
        Rng rng(9);
        for (int k = 0; k < 8; ++k) {
          const std::vector<double> x = random_point(*axes, rng);
          const double got = estimator.log_density(ParzenPoints(*axes, x))[0];
          CHECK(got == doctest::Approx(reference(*axes, weights, points, x)).epsilon(2e-3));
        }
      }
    }
  });
}

TEST_CASE("parzen: a density integrates to 1, masses of levels and of choices sum to 1") {
  for (const int64_t n : {0, 1, 5, 40, 200}) {
    CAPTURE(n);
    for (const Param& p : {range(0, 1), int_range(0, 6), stepped_range(0, 1, 0.01),
                           log_int_range(1, 3000), choice({"a", "b", "c"}), int_range(1, 1)}) {
      CAPTURE(p.levels());
      const auto axes = axes_of({p});
      ParzenEstimator estimator = filled(axes, ParzenWeights::ramp, some_points(*axes, n, 11));
      const int64_t count = p.levels() > 0 ? p.levels() : 20000;
      std::vector<double> xs;
      for (int64_t k = 0; k < count; ++k) {
        const double unit =
            p.levels() > 0 ? p.to_unit(p.level_value(k)) : (double(k) + 0.5) / double(count);
        xs.push_back((*axes)[0].coordinate(unit));
      }
      double sum = 0;
      for (const double l : estimator.log_density(ParzenPoints(*axes, xs))) sum += std::exp(l);
      if (p.levels() == 0) sum /= double(count);
      CHECK(sum == doctest::Approx(1).epsilon(1e-4));
    }
  }
  // Two axes at once, and levels so fine that they pass for a continuum.
  const auto axes = axes_of({range(0, 1), range(-5, 5)});
  ParzenEstimator estimator = filled(axes, ParzenWeights::ramp, some_points(*axes, 12, 3));
  std::vector<double> grid;
  constexpr int kSide = 400;
  for (int k = 0; k < 2 * kSide * kSide; ++k) {
    const int cell = k % (kSide * kSide);
    grid.push_back(((k < kSide * kSide ? cell % kSide : cell / kSide) + 0.5) / kSide);
  }
  double sum = 0;
  for (const double l : estimator.log_density(ParzenPoints(*axes, grid))) sum += std::exp(l);
  CHECK(sum / (kSide * kSide) == doctest::Approx(1).epsilon(1e-4));
  CHECK(axes_of({int_range(0, 1'000'000)})->front().kind() == ParzenAxis::Kind::smooth);
}

TEST_CASE("parzen: draws follow the distribution function") {
  // Kolmogorov and Smirnov's distance stays below 1.63 / sqrt(count) 99 times in 100.
  constexpr size_t kCount = 20000;
  for (const double at : {0.0, 0.02, 0.5, 0.9, 1.0}) {
    CAPTURE(at);
    const auto axes = axes_of({range(0, 1)});
    ParzenEstimator estimator(axes, ParzenWeights::equal);
    estimator.insert(0, std::vector<double>{at});
    estimator.insert(1, std::vector<double>{at < 0.5 ? at + 0.03 : at - 0.03});
    const double second = at < 0.5 ? at + 0.03 : at - 0.03;
    Rng rng(2);
    std::vector<double> draws = estimator.draw(kCount, rng);
    std::sort(draws.begin(), draws.end());
    double distance = 0;
    for (size_t i = 0; i < kCount; ++i) {
      const double x = draws[i], width = 0.25;  // of the range: 1 / (observations + 2)
      const double below = (truncated_mass(at, width, 0, x) + truncated_mass(second, width, 0, x) +
                            truncated_mass(0.5, 1, 0, x)) /
                           3;
      distance = std::max({distance, below - double(i) / kCount, double(i + 1) / kCount - below});
    }
    CHECK(distance < 1.63 / std::sqrt(double(kCount)));
    CHECK(draws.front() >= 0);
    CHECK(draws.back() <= 1);
  }
}

TEST_CASE("parzen: draws of levels and choices are as frequent as their mass says") {
  constexpr size_t kCount = 20000;
  for (const Param& p : {int_range(0, 6), log_int_range(1, 12), choice({"a", "b", "c", "d"})}) {
    const auto axes = axes_of({p});
    ParzenEstimator estimator = filled(axes, ParzenWeights::ramp, some_points(*axes, 30, 8));
    Rng rng(4);
    std::map<double, int> counts;
    for (const double x : estimator.draw(kCount, rng)) ++counts[x];
    CHECK(static_cast<int64_t>(counts.size()) <= p.levels());
    for (int64_t k = 0; k < p.levels(); ++k) {
      const double x = (*axes)[0].coordinate(p.to_unit(p.level_value(k)));
      const double mass = std::exp(estimator.log_density(ParzenPoints(*axes, {x}))[0]);
      const double deviation = std::sqrt(mass * (1 - mass) / kCount);
      CHECK(std::abs(counts[x] / double(kCount) - mass) < 4.5 * deviation);
    }
  }
}

TEST_CASE("parzen: what came and went leaves no trace") {
  const auto axes = axes_of(mixed());
  Rng rng(21);
  ParzenEstimator lived(axes, ParzenWeights::ramp);
  std::map<int64_t, std::vector<double>> points;
  const std::vector<double> x = random_point(*axes, rng);
  for (int step = 0; step < 600; ++step) {
    const auto number = static_cast<int64_t>(rng.below(150));
    if (points.contains(number)) {
      points.erase(number);
      lived.erase(number);
    } else {
      points[number] = rng.uniform() < 0.2 ? x : random_point(*axes, rng);
      lived.insert(number, points[number]);
    }
    if (step % 7 != 0) continue;
    ParzenEstimator fresh = filled(axes, ParzenWeights::ramp, points);
    CHECK(lived.size() == points.size());
    CHECK(lived.log_density(ParzenPoints(*axes, x)) == fresh.log_density(ParzenPoints(*axes, x)));
    Rng one(step), other(step);
    CHECK(lived.draw(3, one) == fresh.draw(3, other));
  }
}

TEST_CASE("parzen: many axes and far points give finite densities") {
  const auto axes = axes_of(std::vector<Param>(200, range(0, 1)));
  ParzenEstimator estimator(axes, ParzenWeights::ramp);
  for (int64_t n = 0; n < 150; ++n) estimator.insert(n, std::vector<double>(200, 1.0));
  for (const double x : {0.0, 0.5, 1.0}) {
    const double got = estimator.log_density(ParzenPoints(*axes, std::vector<double>(200, x)))[0];
    CHECK(std::isfinite(got));
    if (x == 0) CHECK(got < 0);
    if (x == 1) CHECK(got > 200 * std::log(50));
  }
}
