// Pareto's order, its fronts, and the room around a front's points.
#include <doctest/doctest.h>

#include <cmath>
#include <numeric>

#include "attune/base/rng.h"
#include "attune/tune/internal/math/crowding_distance.h"
#include "attune/tune/internal/math/nondominated.h"

using namespace attune;
using namespace attune::tune::internal;

namespace {

// On a grid of `levels` per objective: the fewer, the more ties and equal points.
std::vector<Losses> random_points(size_t count, size_t objectives, uint64_t levels, Rng& rng) {
  std::vector<Losses> points(count, Losses(objectives));
  for (Losses& p : points) {
    for (double& loss : p) loss = static_cast<double>(rng.below(levels));
  }
  return points;
}

// By definition: peel off what no other point dominates, again and again.
std::vector<size_t> peeled(const std::vector<Losses>& points) {
  std::vector<size_t> ranks(points.size(), points.size());
  size_t left = points.size();
  for (size_t front = 0; left > 0; ++front) {
    std::vector<size_t> best;
    for (size_t i = 0; i < points.size(); ++i) {
      bool beaten = ranks[i] < points.size();
      for (size_t j = 0; j < points.size() && !beaten; ++j) {
        beaten = ranks[j] == points.size() && dominates(points[j], points[i]);
      }
      if (!beaten) best.push_back(i);
    }
    for (const size_t i : best) ranks[i] = front;
    left -= best.size();
  }
  return ranks;
}

}  // namespace

TEST_CASE("dominates: as good everywhere and better somewhere") {
  CHECK(dominates({1, 2}, {1, 3}));
  CHECK(dominates({0, 0}, {1, 3}));
  CHECK_FALSE(dominates({1, 2}, {1, 2}));
  CHECK_FALSE(dominates({0, 4}, {1, 3}));
  CHECK_FALSE(dominates({1, 3}, {0, 4}));
  CHECK(dominates({-INFINITY, 2}, {1, INFINITY}));
}

TEST_CASE("nondominated sorting: as peeling by definition, with ties and equal points") {
  Rng rng(1);
  for (const size_t objectives : {1, 2, 3, 5}) {
    for (const uint64_t levels : {2, 5, 1000}) {
      CAPTURE(objectives);
      CAPTURE(levels);
      const std::vector<Losses> points = random_points(60, objectives, levels, rng);
      const std::vector<size_t> ranks = peeled(points);
      CHECK(nondominated_ranks(points) == ranks);
      std::vector<size_t> front;
      for (size_t i = 0; i < points.size(); ++i) {
        if (ranks[i] == 0) front.push_back(i);
      }
      CHECK(nondominated(points) == front);
    }
  }
  CHECK(nondominated_ranks({}).empty());
  CHECK(nondominated({}).empty());
}

TEST_CASE("crowding distance: a front worked out by hand") {
  const std::vector<Losses> front{{0, 10}, {4, 2}, {1, 6}, {10, 0}};
  const std::vector<double> distance = crowding_distances(front);
  CHECK(std::isinf(distance[0]));
  CHECK(std::isinf(distance[3]));
  CHECK(distance[1] == doctest::Approx(9.0 / 10 + 6.0 / 10));
  CHECK(distance[2] == doctest::Approx(4.0 / 10 + 8.0 / 10));
}

TEST_CASE("crowding distance: few points, equal points, constant and huge losses") {
  CHECK(crowding_distances({}).empty());
  CHECK(crowding_distances(std::vector<Losses>{{3, 4}}) == std::vector<double>{0});
  CHECK(crowding_distances(std::vector<Losses>(3, {1, 1})) == std::vector<double>(3, 0));
  const auto constant = crowding_distances(std::vector<Losses>{{0, 7}, {1, 7}, {4, 7}});
  CHECK(constant[1] == 1.0);
  const auto huge = crowding_distances(
      std::vector<Losses>{{-1.7e308, 1e-300}, {0, 0}, {1.7e308, -1e-300}, {1, -1e-310}});
  CHECK(std::isinf(huge[0]));
  CHECK(std::isinf(huge[2]));
  CHECK(huge[1] == doctest::Approx(0.5 + 0.5));
  for (const double d :
       crowding_distances(std::vector<Losses>{{-INFINITY, 2}, {0, 1}, {0.5, 0.5}, {INFINITY, 0}})) {
    CHECK_FALSE(std::isnan(d));
  }
}
