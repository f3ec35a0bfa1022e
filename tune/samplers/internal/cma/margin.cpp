#include "attune/tune/samplers/internal/cma/margin.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "attune/tune/internal/math/normal.h"

namespace attune::tune::internal {
namespace {

double upper_tail(double z) { return 0.5 * std::erfc(z / std::numbers::sqrt2); }

double tail_quantile(double p) { return -normal_quantile(p); }

void keep_margin_of(CmaDistribution& distribution, const CmaSpace& space, size_t i, double alpha) {
  const double mean = distribution.mean()[i], deviation = distribution.deviation(i);
  const auto [low, high] = space.cell(i, mean);
  const bool lowest = low == 0, highest = high == 1;
  if (lowest || highest) {  // one boundary: the mean must not be too far from it
    const double most = deviation * tail_quantile(alpha);
    distribution.set_marginal(i, lowest ? std::max(mean, high - most) : std::min(mean, low + most),
                              deviation);
    return;
  }
  const double below = upper_tail((mean - low) / deviation);
  const double above = upper_tail((high - mean) / deviation);
  if (below >= alpha / 2 && above >= alpha / 2) return;
  // Both raised to alpha / 2 at least; what that is too much of all is taken from whatever has
  // more, in proportion.
  const double inside = 1 - below - above;
  const double raised_below = std::max(below, alpha / 2), raised_above = std::max(above, alpha / 2);
  const double excess = 1 - raised_below - raised_above - inside;  // 0 or below
  const double room = raised_below + raised_above + inside - 3 * alpha / 2;
  const double wanted_below = raised_below + excess / room * (raised_below - alpha / 2);
  const double wanted_above = raised_above + excess / room * (raised_above - alpha / 2);
  if (!(wanted_below < 0.5) || !(wanted_above < 0.5)) return;
  const double z_below = tail_quantile(wanted_below), z_above = tail_quantile(wanted_above);
  distribution.set_marginal(i, (low * z_above + high * z_below) / (z_below + z_above),
                            (high - low) / (z_below + z_above));
}

}  // namespace

void keep_margin(CmaDistribution& distribution, const CmaSpace& space, double alpha) {
  for (size_t i = 0; i < distribution.dimensions(); ++i) {
    if (space.levels(i) > 0) keep_margin_of(distribution, space, i, alpha);
  }
}

}  // namespace attune::tune::internal
