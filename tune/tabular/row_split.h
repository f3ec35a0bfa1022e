#pragma once
// Which rows are trained on, chosen by, and tested on.

#include <cstdint>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/tabular/target.h"

namespace attune::tune {

struct SplitRules {
  double validation = 0.2, test = 0.2;  // shares of the rows; a test of 0 is an empty part
  // By row of the table. Rows of one group are never in two parts; empty: each is its own.
  std::vector<int64_t> groups = {};
  // By row of the table. The last rows are the test, those before it validation, and rows of one
  // time are never in two parts; empty: they are drawn at random. Not together with groups.
  std::vector<double> times = {};
};

struct RowParts {
  std::vector<int64_t> train, validation, test;  // rows of the table
};

// Divides the rows whose target is known; of classes every part gets its share. ValueError for a
// validation share that is not above 0, shares that leave nothing, and too few rows, groups or
// times.
RowParts split_rows(const Target& target, const SplitRules& rules, Rng rng);

// The rows in `count` folds, by the same rules; with times each fold is later than those before it.
// ValueError for fewer rows, groups or times than folds.
std::vector<std::vector<int64_t>> fold_rows(const Target& target, const std::vector<int64_t>& rows,
                                            const SplitRules& rules, int64_t count, Rng rng);

}  // namespace attune::tune
