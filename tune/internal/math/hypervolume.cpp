#include "attune/tune/internal/math/hypervolume.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <map>

namespace attune::tune::internal {
namespace {

// Below, all points are better than the reference everywhere.

double box(const Losses& point, const Losses& reference) {
  double volume = 1;
  for (size_t i = 0; i < point.size(); ++i) volume *= reference[i] - point[i];
  return volume;
}

double line(const std::vector<Losses>& points, const Losses& reference) {
  return reference[0] - (*std::min_element(points.begin(), points.end()))[0];
}

// From left to right, each point adds what is below all before it.
double area(std::vector<Losses> points, const Losses& reference) {
  std::sort(points.begin(), points.end());
  double sum = 0, lowest = reference[1];
  for (const Losses& p : points) {
    if (p[1] >= lowest) continue;
    sum += (reference[0] - p[0]) * (lowest - p[1]);
    lowest = p[1];
  }
  return sum;
}

// From the lowest third loss up: the area that the points so far dominate in the other two, times
// the way to the next point. Their staircase is kept sorted, and each point enters and leaves once.
double volume(std::vector<Losses> points, const Losses& reference) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::sort(points.begin(), points.end(),
            [](const Losses& a, const Losses& b) { return a[2] < b[2]; });
  std::map<double, double> stairs;  // first loss -> second, falling
  stairs[-kInfinity] = reference[1];
  stairs[reference[0]] = -kInfinity;
  double sum = 0, covered = 0;
  for (size_t k = 0; k < points.size(); ++k) {
    const double x = points[k][0], y = points[k][1];
    auto next = stairs.upper_bound(x);
    const auto before = std::prev(next);
    if (before->second > y) {
      // The new corner takes the area between it and the old steps from x on.
      double height = before->second, left = x;
      while (next->second >= y) {
        covered += (next->first - left) * (height - y);
        left = next->first;
        height = next->second;
        next = stairs.erase(next);
      }
      covered += (next->first - left) * (height - y);
      stairs[x] = y;
    }
    const double until = k + 1 < points.size() ? points[k + 1][2] : reference[2];
    if (until > points[k][2]) sum += covered * (until - points[k][2]);
  }
  return sum;
}

double total(std::vector<Losses> points, const Losses& reference);

// What `point` dominates and none of the others does: its box without what they dominate of it.
double exclusive(const Losses& point, std::span<const Losses> others, const Losses& reference) {
  std::vector<Losses> limited(others.begin(), others.end());
  for (Losses& other : limited) {
    for (size_t i = 0; i < point.size(); ++i) other[i] = std::max(other[i], point[i]);
  }
  return box(point, reference) - total(std::move(limited), reference);
}

double total(std::vector<Losses> points, const Losses& reference) {
  if (points.empty()) return 0;
  if (reference.size() == 1) return line(points, reference);
  if (reference.size() == 2) return area(std::move(points), reference);
  if (reference.size() == 3) return volume(std::move(points), reference);
  std::vector<Losses> front;
  for (const size_t i : nondominated(points)) front.push_back(std::move(points[i]));
  // The worst in the last objective first: limited by it, many of the others become dominated.
  std::sort(front.begin(), front.end(),
            [](const Losses& a, const Losses& b) { return a.back() > b.back(); });
  double sum = 0;
  for (size_t k = 0; k < front.size(); ++k) {
    sum += exclusive(front[k], std::span(front).subspan(k + 1), reference);
  }
  return sum;
}

bool counts(const Losses& point, const Losses& reference) {
  for (size_t i = 0; i < point.size(); ++i) {
    if (!(point[i] < reference[i])) return false;
  }
  return true;
}

}  // namespace

double hypervolume(std::span<const Losses> points, const Losses& reference) {
  std::vector<Losses> below;
  std::copy_if(points.begin(), points.end(), std::back_inserter(below),
               [&](const Losses& p) { return counts(p, reference); });
  return total(std::move(below), reference);
}

std::vector<double> hypervolume_contributions(std::span<const Losses> points,
                                              const Losses& reference) {
  std::vector<double> contributions(points.size(), 0.0);
  for (size_t k = 0; k < points.size(); ++k) {
    if (!counts(points[k], reference)) continue;
    std::vector<Losses> others;
    for (size_t i = 0; i < points.size(); ++i) {
      if (i != k && counts(points[i], reference)) others.push_back(points[i]);
    }
    contributions[k] = std::max(exclusive(points[k], others, reference), 0.0);
  }
  return contributions;
}

}  // namespace attune::tune::internal
