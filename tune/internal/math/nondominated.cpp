#include "attune/tune/internal/math/nondominated.h"

#include <algorithm>
#include <numeric>

namespace attune::tune::internal {
namespace {

std::vector<size_t> lexicographic(std::span<const Losses> points) {
  std::vector<size_t> order(points.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return points[a] < points[b]; });
  return order;
}

// Whether a point of the front dominates `point`, which is not before any of them in lexicographic
// order. With two objectives the last to come has the lowest second loss: it stands for all.
bool beaten_by(std::span<const Losses> points, const std::vector<size_t>& front,
               const Losses& point) {
  if (point.size() <= 2 && !front.empty()) return dominates(points[front.back()], point);
  return std::any_of(front.rbegin(), front.rend(),
                     [&](size_t other) { return dominates(points[other], point); });
}

}  // namespace

bool dominates(const Losses& a, const Losses& b) {
  bool better = false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    better = better || a[i] < b[i];
  }
  return better;
}

// In lexicographic order a point can only be dominated by one before it; and as each member of a
// front is dominated by one of the front before, the fronts that beat a point are the first ones.
std::vector<size_t> nondominated_ranks(std::span<const Losses> points) {
  std::vector<size_t> ranks(points.size());
  std::vector<std::vector<size_t>> fronts;
  for (const size_t i : lexicographic(points)) {
    const auto front = std::partition_point(
        fronts.begin(), fronts.end(),
        [&](const std::vector<size_t>& one) { return beaten_by(points, one, points[i]); });
    ranks[i] = static_cast<size_t>(front - fronts.begin());
    if (front == fronts.end()) {
      fronts.push_back({i});
    } else {
      front->push_back(i);
    }
  }
  return ranks;
}

std::vector<size_t> nondominated(std::span<const Losses> points) {
  std::vector<size_t> front;
  for (const size_t i : lexicographic(points)) {
    if (!beaten_by(points, front, points[i])) front.push_back(i);
  }
  std::sort(front.begin(), front.end());
  return front;
}

}  // namespace attune::tune::internal
