#pragma once
// Rows that repeat others. On both sides of a split they make a test of memory.

#include <cstdint>
#include <vector>

#include "attune/tune/tabular/target.h"

namespace attune::tune {

struct RepeatedRows {
  int64_t repeats = 0;  // rows that are equal to an earlier one in all that is read, and the target
  int64_t kinds = 0;    // rows that differ in all that is read
  bool too_few = false;  // so few kinds that they cannot be divided; then groups is empty
  // By row of the table: rows whose columns are equal have the same number. Empty if there are
  // none, and if the columns are so coarse that many rows are equal by chance, which shows in their
  // targets: more than a tenth of the equal rows have another target than the first of their kind.
  std::vector<int64_t> groups = {};
};

RepeatedRows find_repeated_rows(const TypedTable& table, const Target& target);

}  // namespace attune::tune
