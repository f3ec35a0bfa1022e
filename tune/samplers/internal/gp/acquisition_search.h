#pragma once
// Finding the point where the acquisition function is highest, over numbers, levels and choices.

#include <functional>
#include <optional>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/samplers/internal/gp/acquisition.h"
#include "attune/tune/samplers/internal/gp/domain.h"

namespace attune::tune::internal {

// Continuous coordinates are searched over [0, 1] of the model's own coordinates.
struct AcquisitionSearch {
  const Acquisition& acquisition;
  const Domain& domain;
  std::vector<Point> incumbents;  // promising known points, the best first
  bool stay_near;                 // keep most levels and choices of the first incumbent
  std::function<bool(const Point&)> acceptable;  // not a duplicate, not forbidden
};

// A scrambled Sobol set and perturbed incumbents are evaluated at once; the best of them, and some
// drawn by their expected improvement, climb by L-BFGS in the continuous coordinates and by trying
// every level of the others, in turns. Nothing if no candidate is acceptable.
std::optional<Point> maximize(const AcquisitionSearch& search, Rng& rng);

}  // namespace attune::tune::internal
