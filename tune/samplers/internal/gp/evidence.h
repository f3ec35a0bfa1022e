#pragma once
// What a study's history tells a model-based sampler: points with believable losses, points that
// are being tried, and points not to try again.

#include <cstdint>
#include <span>
#include <vector>

#include "attune/tune/sampler.h"
#include "attune/tune/samplers/internal/gp/domain.h"

namespace attune::tune::internal {

struct Evidence {
  // By trial number. Complete trials, and pruned ones whose last report is worse than the median of
  // the complete: such a trial is bad, but how bad it would have become is not known, and a good
  // early report proves nothing. Absurdly high losses are brought down (see winsorize).
  std::vector<int64_t> numbers;
  std::vector<Point> points;
  std::vector<double> losses;

  std::vector<Point> pending;   // of trials that run
  std::vector<Point> failed;    // of trials that failed
  std::vector<Point> unusable;  // of trials whose loss says nothing

  // Whether the point has been tried, or is being tried.
  bool taken(const Point& point) const;
};

Evidence collect(const Question& question, const Domain& domain);

// The indices of the `count` lowest values, the lowest first.
std::vector<size_t> lowest(std::span<const double> values, size_t count);

// At most `limit` indices, ascending, that stand for all: the best half, and the rest evenly spread
// over the ranks of the others.
std::vector<size_t> representative(std::span<const double> losses, size_t limit);

}  // namespace attune::tune::internal
