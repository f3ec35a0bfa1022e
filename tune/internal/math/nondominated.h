#pragma once
// Which of several vectors of losses are better than which: Pareto's order, lower is better.

#include <cstddef>
#include <span>
#include <vector>

namespace attune::tune::internal {

using Losses = std::vector<double>;  // one per objective, none of them NaN

// As good in all objectives, and better in one.
bool dominates(const Losses& a, const Losses& b);

// The front of each point: 0 for those that no other point dominates, 1 for those that are next
// when these are taken away, and so on. Equal points are in one front. "Efficient nondominated
// sort" with binary search, Zhang et al. (2015).
std::vector<size_t> nondominated_ranks(std::span<const Losses> points);

// The points of front 0, in the order given.
std::vector<size_t> nondominated(std::span<const Losses> points);

}  // namespace attune::tune::internal
