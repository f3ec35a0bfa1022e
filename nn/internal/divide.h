#pragma once
// Rows divided into parts of given shares: by class, by group, by time.

#include <cstdint>
#include <vector>

#include "attune/base/rng.h"
#include "attune/nn/dataset.h"

namespace attune::nn::internal {

using Rows = std::vector<int64_t>;

// Puts whole groups into parts of the given shares, the largest groups first, each where its
// classes are most wanted. As scikit-learn's StratifiedGroupKFold, for parts of any size. Classes
// and groups are by row number (not by place in `rows`); groups empty: each row is its own; classes
// are 0 … count - 1, or empty: they do not matter.
std::vector<Rows> distribute(const Rows& rows, const std::vector<int64_t>& classes, int64_t count,
                             const std::vector<int64_t>& groups, const std::vector<double>& shares,
                             Rng& rng);

// Cuts the rows, in the order of their times, so that rows of one time stay together.
std::vector<Rows> cut_by_time(Rows rows, const std::vector<double>& times,
                              const std::vector<double>& shares);

// ValueError: another number of groups or times than rows, both, NaN, or times that are stratified.
void check_division(const char* what, int64_t rows, const std::vector<int64_t>& groups,
                    const std::vector<double>& times, bool stratify);

// All rows of a data set, by either of the above.
std::vector<Rows> divide(const Dataset& dataset, const std::vector<double>& shares,
                         const std::vector<int64_t>& groups, const std::vector<double>& times,
                         bool stratify, Rng& rng);

}  // namespace attune::nn::internal
