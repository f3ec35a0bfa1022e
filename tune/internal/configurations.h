#pragma once
// All configurations of a small space, to tell when each has been tried.

#include <set>
#include <string>
#include <vector>

#include "attune/tune/space.h"

namespace attune::tune::internal {

// The combination with that number, the last parameter fastest. The space is finite.
std::vector<double> combination(const Space& space, int64_t index);

// The texts of all combinations of active parameters; empty: a continuum, or more than `most`
// combinations.
std::set<std::string> all_configurations(const Space& space, int64_t most = 10'000);

}  // namespace attune::tune::internal
