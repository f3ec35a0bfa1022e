#pragma once
// Where the local arm of the search looks: a box around the best point known, which grows while it
// succeeds and shrinks while it fails. Eriksson et al., "Scalable global optimization via local
// Bayesian optimization" (2019).

#include <cstdint>
#include <span>
#include <vector>

#include "attune/tune/samplers/internal/gp/domain.h"

namespace attune::tune::internal {

struct TrialLoss {
  double loss;
  bool local;  // the local arm suggested it
};

// The side of the box, in units of the whole, after these trials (in the order of their numbers).
// A local trial succeeds if it betters the best before it by more than 0.1 percent of the distance
// from the best to the median: two successes in a row double the side (up to 1), three failures
// halve it; below 0.01 it starts again from 0.4.
double trust_region_length(std::span<const TrialLoss> trials);

// The box's own coordinates: continuous coordinates of the box lie in [0, 1], others are as they
// were.
class TrustRegion {
 public:
  TrustRegion(const Domain& domain, Point center, double length);

  Point to_local(Point point) const;
  Point to_global(Point point) const;  // back, cut to the space

  // The points near enough to tell about the box: within its double, and at least `least` of them,
  // at most `most`; nearest first.
  std::vector<size_t> neighbors(std::span<const Point> points, size_t least, size_t most) const;

 private:
  double distance(const Point& point) const;  // from the centre; 1: the surface of the box

  const Domain& domain_;
  Point center_;
  double length_;
  std::vector<double> low_, width_;
};

}  // namespace attune::tune::internal
