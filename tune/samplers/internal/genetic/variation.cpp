#include "attune/tune/samplers/internal/genetic/variation.h"

#include <algorithm>
#include <cmath>

namespace attune::tune::internal {

double either(double a, double b, Rng& rng) { return rng.uniform() < 0.5 ? a : b; }

double crossed(double a, double b, double index, Rng& rng) {
  const bool cross = rng.uniform() < 0.5, upper = rng.uniform() < 0.5;
  const double low = std::min(a, b), high = std::max(a, b);
  if (!cross || high - low < 1e-14) return upper ? a : b;
  // The spread that reaches to the nearer bound gets the whole of the probability.
  const double room = upper ? 1 - high : low;
  const double widest = 1 + 2 * room / (high - low);
  const double within = 2 - std::pow(widest, -(index + 1));
  const double ticket = rng.uniform() * within;
  const double spread =
      ticket <= 1 ? std::pow(ticket, 1 / (index + 1)) : std::pow(1 / (2 - ticket), 1 / (index + 1));
  const double middle = 0.5 * (low + high), half = 0.5 * spread * (high - low);
  return std::clamp(upper ? middle + half : middle - half, 0.0, 1.0);
}

double mutated(double u, double index, Rng& rng) {
  const double ticket = rng.uniform(), power = 1 / (index + 1);
  // Downwards the step is at most u, upwards at most 1 - u.
  if (ticket < 0.5) {
    const double rest = 2 * ticket + (1 - 2 * ticket) * std::pow(1 - u, index + 1);
    return std::clamp(u + std::pow(rest, power) - 1, 0.0, 1.0);
  }
  const double rest = 2 * (1 - ticket) + (2 * ticket - 1) * std::pow(u, index + 1);
  return std::clamp(u + 1 - std::pow(rest, power), 0.0, 1.0);
}

}  // namespace attune::tune::internal
