#include "attune/tune/internal/math/crowding_distance.h"

#include <algorithm>
#include <limits>
#include <numeric>

namespace attune::tune::internal {

std::vector<double> crowding_distances(std::span<const Losses> front) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  std::vector<double> distance(front.size(), 0.0);
  if (front.empty()) return distance;
  std::vector<size_t> order(front.size());
  for (size_t objective = 0; objective < front[0].size(); ++objective) {
    const auto loss = [&](size_t k) { return front[order[k]][objective]; };
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return front[a][objective] < front[b][objective]; });
    const size_t last = order.size() - 1;
    if (loss(0) == loss(last)) continue;  // an objective in which all are equal says nothing
    distance[order[0]] = distance[order[last]] = kInfinity;
    for (size_t k = 1; k < last; ++k) {
      if (loss(k - 1) == loss(k + 1)) continue;
      // Halves first: the extent of finite losses may be more than a double holds.
      const double extent = loss(last) / 2 - loss(0) / 2, gap = loss(k + 1) / 2 - loss(k - 1) / 2;
      distance[order[k]] += extent < kInfinity ? gap / extent : gap < kInfinity ? 0 : kInfinity;
    }
  }
  return distance;
}

}  // namespace attune::tune::internal
