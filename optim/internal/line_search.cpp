#include "attune/optim/internal/line_search.h"

#include <algorithm>
#include <cmath>

namespace attune::optim {
namespace {

// Where the cubic through two points with their slopes is lowest, but within [low, high].
double lowest_of_cubic(const LinePoint& a, const LinePoint& b, double low, double high) {
  const double d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.step - b.step);
  const double square = d1 * d1 - a.slope * b.slope;
  if (!(square >= 0)) return (low + high) / 2;
  const double d2 = std::copysign(std::sqrt(square), b.step - a.step);
  const double step =
      b.step - (b.step - a.step) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2));
  return std::isfinite(step) ? std::clamp(step, low, high) : (low + high) / 2;
}

}  // namespace

LinePoint strong_wolfe(const LinePoint& start, double first_step,
                       const std::function<LinePoint(double)>& at, int most, double c1, double c2) {
  const auto fell_enough = [&](const LinePoint& p) {
    return p.value <= start.value + c1 * p.step * start.slope;
  };
  const auto is_flat = [&](const LinePoint& p) { return std::abs(p.slope) <= -c2 * start.slope; };
  LinePoint before = start, here = at(first_step), best = start;
  int used = 1;
  LinePoint low{}, high{};
  // Further out, until a step that will do lies between two others.
  while (true) {
    if (here.value < best.value) best = here;
    if (!(here.value <= start.value + c1 * here.step * start.slope) ||
        (used > 1 && here.value >= before.value)) {
      low = before, high = here;
      break;
    }
    if (is_flat(here)) return here;
    if (here.slope >= 0) {
      low = here, high = before;
      break;
    }
    if (used >= most) return best;
    const double least = here.step + 0.01 * (here.step - before.step), furthest = 10 * here.step;
    const double next = lowest_of_cubic(before, here, least, furthest);
    before = here;
    here = at(next);
    ++used;
  }
  // `low` is the best so far that fell enough; the two come closer.
  for (; used < most; ++used) {
    const double left = std::min(low.step, high.step), right = std::max(low.step, high.step);
    const double margin = 0.1 * (right - left);
    if (right - left < 1e-12 * std::max(1.0, right)) break;
    const double next = std::isfinite(high.value)
                            ? lowest_of_cubic(low, high, left + margin, right - margin)
                            : (left + right) / 2;
    here = at(next);
    if (here.value < best.value) best = here;
    if (!fell_enough(here) || here.value >= low.value) {
      high = here;
      continue;
    }
    if (is_flat(here)) return here;
    if (here.slope * (high.step - low.step) >= 0) high = low;
    low = here;
  }
  return best;
}

}  // namespace attune::optim
