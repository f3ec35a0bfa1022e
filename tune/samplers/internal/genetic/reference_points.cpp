#include "attune/tune/samplers/internal/genetic/reference_points.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

namespace attune::tune::internal {
namespace {

void fill(std::vector<Losses>& points, Losses& point, size_t place, size_t left, size_t divisions) {
  if (place + 1 == point.size()) {
    point[place] = static_cast<double>(left) / static_cast<double>(divisions);
    points.push_back(point);
    return;
  }
  for (size_t k = 0; k <= left; ++k) {
    point[place] = static_cast<double>(k) / static_cast<double>(divisions);
    fill(points, point, place + 1, left - k, divisions);
  }
}

// a x = 1 by elimination; empty where a is singular or x is not positive.
std::vector<double> solve_for_ones(std::vector<Losses> a) {
  const size_t n = a.size();
  std::vector<double> x(n, 1.0);
  for (size_t k = 0; k < n; ++k) {
    size_t pivot = k;
    for (size_t i = k + 1; i < n; ++i) {
      if (std::abs(a[i][k]) > std::abs(a[pivot][k])) pivot = i;
    }
    if (!(std::abs(a[pivot][k]) > 1e-10)) return {};
    std::swap(a[k], a[pivot]);
    std::swap(x[k], x[pivot]);
    for (size_t i = k + 1; i < n; ++i) {
      const double factor = a[i][k] / a[k][k];
      for (size_t j = k; j < n; ++j) a[i][j] -= factor * a[k][j];
      x[i] -= factor * x[k];
    }
  }
  for (size_t k = n; k-- > 0;) {
    for (size_t j = k + 1; j < n; ++j) x[k] -= a[k][j] * x[j];
    x[k] /= a[k][k];
  }
  const bool positive = std::all_of(x.begin(), x.end(), [](double v) { return v > 1e-10; });
  return positive ? x : std::vector<double>{};
}

}  // namespace

std::vector<Losses> das_dennis(size_t objectives, size_t divisions) {
  std::vector<Losses> points;
  Losses point(objectives);
  fill(points, point, 0, divisions, divisions);
  return points;
}

size_t divisions_for(size_t objectives, size_t count) {
  if (objectives == 1) return 1;
  // (divisions + objectives - 1) over (objectives - 1), from the one before.
  double points = 1;
  for (size_t divisions = 1;; ++divisions) {
    points *= static_cast<double>(divisions + objectives - 1) / static_cast<double>(divisions);
    if (points > static_cast<double>(count) + 0.5) return std::max<size_t>(divisions - 1, 1);
  }
}

std::vector<Losses> normalized(std::span<const Losses> losses) {
  std::vector<Losses> points(losses.begin(), losses.end());
  if (points.empty()) return points;
  const size_t m = points[0].size();
  // To between 0 and 1 over all, so that no sum of squares overflows.
  for (size_t i = 0; i < m; ++i) {
    double low = std::numeric_limits<double>::max(), high = -low;
    for (const Losses& p : points) {
      if (std::isfinite(p[i])) low = std::min(low, p[i]), high = std::max(high, p[i]);
    }
    const double extent = high / 2 - low / 2;
    for (Losses& p : points) {
      const double inside = std::clamp(p[i], std::min(low, high), std::max(low, high));
      p[i] = extent > 0 ? (inside / 2 - low / 2) / extent : 0;
    }
  }
  const std::vector<size_t> front = nondominated(points);
  std::vector<Losses> extremes;
  for (size_t axis = 0; axis < m; ++axis) {
    const Losses* extreme = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const size_t k : front) {  // off the axis as little as can be
      double off = 0;
      for (size_t i = 0; i < m; ++i) off = std::max(off, points[k][i] * (i == axis ? 1 : 1e6));
      if (off < least) least = off, extreme = &points[k];
    }
    extremes.push_back(*extreme);
  }
  std::vector<double> scale = solve_for_ones(extremes);
  if (scale.empty()) {  // then by the worst of the front
    for (size_t i = 0; i < m; ++i) {
      double worst = 0;
      for (const size_t k : front) worst = std::max(worst, points[k][i]);
      scale.push_back(worst > 1e-10 ? 1 / worst : 1);
    }
  }
  for (Losses& p : points) {
    for (size_t i = 0; i < m; ++i) p[i] *= scale[i];
  }
  return points;
}

double distance_to_line(const Losses& point, const Losses& direction) {
  double along = 0, length = 0;
  for (size_t i = 0; i < point.size(); ++i) {
    along += point[i] * direction[i];
    length += direction[i] * direction[i];
  }
  double distance = 0;
  for (size_t i = 0; i < point.size(); ++i) {
    const double off = point[i] - along / length * direction[i];
    distance += off * off;
  }
  return std::sqrt(distance);
}

}  // namespace attune::tune::internal
