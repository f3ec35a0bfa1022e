// Hypervolume against counting, inclusion and exclusion, and known values.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "attune/base/rng.h"
#include "attune/tune/internal/math/hypervolume.h"

using namespace attune;
using namespace attune::tune::internal;

namespace {

// Of points with whole losses from 0 to levels - 1, against the reference `levels` everywhere: the
// number of unit cells that a point dominates.
double counted(const std::vector<Losses>& points, int levels) {
  const size_t objectives = points[0].size();
  std::vector<int> cell(objectives, 0);
  double count = 0;
  for (size_t place = 0; place < objectives;) {
    count += std::any_of(points.begin(), points.end(), [&](const Losses& p) {
      return std::equal(p.begin(), p.end(), cell.begin(), [](double a, int b) { return a <= b; });
    });
    for (place = 0; place < objectives && ++cell[place] == levels; ++place) cell[place] = 0;
  }
  return count;
}

// Adds and takes away the boxes that all subsets have in common.
double by_inclusion(const std::vector<Losses>& points, const Losses& reference) {
  double sum = 0;
  for (size_t set = 1; set < size_t{1} << points.size(); ++set) {
    double box = -1;
    for (size_t i = 0; i < reference.size(); ++i) {
      double worst = -INFINITY;
      for (size_t k = 0; k < points.size(); ++k) {
        if (set >> k & 1) worst = std::max(worst, points[k][i]);
      }
      box *= std::max(reference[i] - worst, 0.0);
    }
    for (size_t k = 0; k < points.size(); ++k) {
      if (set >> k & 1) box = -box;
    }
    sum += box;
  }
  return sum;
}

std::vector<Losses> uniform_points(size_t count, size_t objectives, Rng& rng) {
  std::vector<Losses> points(count, Losses(objectives));
  for (Losses& p : points) {
    for (double& loss : p) loss = rng.uniform(0, 1.2);  // some are beyond the reference 1
  }
  return points;
}

}  // namespace

TEST_CASE("hypervolume: as many unit cells as counted, ties and equal points among them") {
  Rng rng(2);
  for (const size_t objectives : {1, 2, 3, 4, 5}) {
    for (const size_t count : {1, 3, 12}) {
      CAPTURE(objectives);
      CAPTURE(count);
      std::vector<Losses> points(count, Losses(objectives));
      for (Losses& p : points) {
        for (double& loss : p) loss = static_cast<double>(rng.below(6));
      }
      CHECK(hypervolume(points, Losses(objectives, 6)) == counted(points, 6));
    }
  }
}

TEST_CASE("hypervolume: as by inclusion and exclusion, points beyond the reference left out") {
  Rng rng(3);
  for (const size_t objectives : {1, 2, 3, 4, 6}) {
    CAPTURE(objectives);
    const std::vector<Losses> points = uniform_points(9, objectives, rng);
    const Losses reference(objectives, 1.0);
    CHECK(hypervolume(points, reference) == doctest::Approx(by_inclusion(points, reference)));
  }
}

TEST_CASE("hypervolume: no points, one point, the limit of a front") {
  CHECK(hypervolume({}, {1, 1}) == 0);
  CHECK(hypervolume(std::vector<Losses>{{1, 0}}, {1, 1}) == 0);
  CHECK(hypervolume(std::vector<Losses>{{0.25, 0.5, 0, 0.5}}, {1, 1, 1, 1}) == 0.1875);
  CHECK(std::isinf(hypervolume(std::vector<Losses>{{-INFINITY, 0}}, {1, 1})));
  std::vector<Losses> circle;  // the area outside a quarter of a disc
  for (int k = 0; k <= 20'000; ++k) {
    const double angle = k * std::acos(0.0) / 20'000;
    circle.push_back({1 - std::cos(angle), 1 - std::sin(angle)});
  }
  CHECK(hypervolume(circle, {1, 1}) == doctest::Approx(std::acos(0.0) / 2).epsilon(1e-4));
}

TEST_CASE("hypervolume contributions: what is lost without the point") {
  Rng rng(4);
  for (const size_t objectives : {2, 3, 4}) {
    CAPTURE(objectives);
    std::vector<Losses> points = uniform_points(10, objectives, rng);
    points.push_back(points[0]);
    const Losses reference(objectives, 1.0);
    const std::vector<double> contributions = hypervolume_contributions(points, reference);
    for (size_t k = 0; k < points.size(); ++k) {
      std::vector<Losses> others = points;
      others.erase(others.begin() + static_cast<std::ptrdiff_t>(k));
      const double lost = hypervolume(points, reference) - hypervolume(others, reference);
      CHECK(contributions[k] == doctest::Approx(lost));
    }
    CHECK(contributions.back() == doctest::Approx(0));
  }
}
