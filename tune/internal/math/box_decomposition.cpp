#include "attune/tune/internal/math/box_decomposition.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <utility>

namespace attune::tune::internal {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

// Under the stairs: one box left of the first point, one right of each.
std::vector<LossBox> boxes_of_two(std::vector<Losses> points, const Losses& reference) {
  std::sort(points.begin(), points.end());
  std::vector<LossBox> boxes{{{-kInfinity, -kInfinity}, {reference[0], reference[1]}}};
  for (const Losses& p : points) {
    if (p[1] >= boxes.back().high[1]) continue;  // dominated
    boxes.back().high[0] = p[0];
    boxes.push_back({{p[0], -kInfinity}, {reference[0], p[1]}});
  }
  return boxes;
}

// Of as many objectives as the reference has; all points are below it.
std::vector<LossBox> boxes_of(std::vector<Losses> points, const Losses& reference) {
  const size_t last = reference.size() - 1;
  if (last == 0) {
    double lowest = reference[0];
    for (const Losses& p : points) lowest = std::min(lowest, p[0]);
    return {{{-kInfinity}, {lowest}}};
  }
  if (last == 1) return boxes_of_two(std::move(points), reference);

  std::sort(points.begin(), points.end(),
            [&](const Losses& a, const Losses& b) { return a[last] < b[last]; });
  const Losses rest(reference.begin(), reference.end() - 1);
  using Base = std::pair<Losses, Losses>;
  std::map<Base, double> open;  // boxes of the other objectives, and where each begins in the last
  std::vector<LossBox> boxes;
  const auto close = [&](const Base& base, double begin, double end) {
    LossBox box{base.first, base.second};
    box.low.push_back(begin);
    box.high.push_back(end);
    boxes.push_back(std::move(box));
  };
  std::vector<Losses> below;
  double begin = -kInfinity;
  for (size_t k = 0; k <= points.size();) {
    std::map<Base, double> going_on;
    for (LossBox& box : boxes_of(below, rest)) {
      Base base{std::move(box.low), std::move(box.high)};
      const auto known = open.find(base);
      const double start = known == open.end() ? begin : known->second;
      if (known != open.end()) open.erase(known);
      going_on.emplace(std::move(base), start);
    }
    for (const auto& [base, start] : open) close(base, start, begin);
    open = std::move(going_on);
    if (k == points.size()) break;
    begin = points[k][last];
    for (; k < points.size() && points[k][last] == begin; ++k) {
      below.emplace_back(points[k].begin(), points[k].end() - 1);
    }
  }
  for (const auto& [base, start] : open) close(base, start, reference[last]);
  return boxes;
}

}  // namespace

std::vector<LossBox> nondominated_boxes(std::span<const Losses> points, const Losses& reference) {
  std::vector<Losses> front;
  for (const size_t i : nondominated(points)) {
    const Losses& p = points[i];
    if (std::equal(p.begin(), p.end(), reference.begin(), std::less<>())) front.push_back(p);
  }
  return boxes_of(std::move(front), reference);
}

}  // namespace attune::tune::internal
