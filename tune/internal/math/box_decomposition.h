#pragma once
// What a front leaves to be won, cut into boxes.

#include <span>
#include <vector>

#include "attune/tune/internal/math/nondominated.h"

namespace attune::tune::internal {

// low <= losses < high; `low` may be minus infinity.
struct LossBox {
  Losses low, high;
};

// Disjoint boxes that together are all losses below `reference` that no point dominates. One more
// than there are points on the front for two objectives, at most one more than twice as many for
// three, and soon very many beyond. Slice by slice along the last objective; boxes that go on from
// one slice to the next are one, after Yang et al., "Efficient computation of expected hypervolume
// improvement using box decomposition algorithms" (2019).
std::vector<LossBox> nondominated_boxes(std::span<const Losses> points, const Losses& reference);

}  // namespace attune::tune::internal
