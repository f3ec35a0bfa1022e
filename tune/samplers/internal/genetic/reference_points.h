#pragma once
// Directions spread evenly over the positive ones, and how far points are from them.

#include <span>
#include <vector>

#include "attune/tune/internal/math/nondominated.h"

namespace attune::tune::internal {

// All points with coordinates 0, 1 / divisions, 2 / divisions, ... that sum up to 1. Das and
// Dennis, "Normal-boundary intersection" (1998).
std::vector<Losses> das_dennis(size_t objectives, size_t divisions);

// The most divisions, at least 1, that give at most `count` points (with one objective: 1).
size_t divisions_for(size_t objectives, size_t count);

// Where hyperplanes through the extreme points of a front cut the axes, and so what a unit of each
// objective is worth: losses minus the lowest of all, divided so that the front lies about between
// 0 and 1. Infinite losses count as the nearest finite ones. Deb and Jain (2014), section IV C.
std::vector<Losses> normalized(std::span<const Losses> losses);

// The distance of a point from the line through the origin and `direction`.
double distance_to_line(const Losses& point, const Losses& direction);

}  // namespace attune::tune::internal
