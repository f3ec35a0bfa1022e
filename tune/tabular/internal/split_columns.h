#pragma once
// What decides how a table's rows are divided, and what a user should know of it.

#include <string>
#include <vector>

#include "attune/tune/tabular/target.h"

namespace attune::tune {

// By row, equal numbers for equal cells of the column; a row without one is a group of its own.
std::vector<int64_t> groups_of(const Sheet& sheet, const std::string& column, const Target& target,
                               std::vector<std::string>& remarks);

// By row, the column's numbers or dates. ValueError, with the place, if it has others, or none in a
// row whose target is known.
std::vector<double> times_of(const Sheet& sheet, const std::string& column, const Target& target,
                             const MissingTexts& missing);

// By row, equal numbers for rows that repeat each other; empty if they need not stay together.
std::vector<int64_t> keep_repeats_together(const TypedTable& table, const Target& target,
                                           std::vector<std::string>& remarks);

// Columns each of whose many values comes with one class: patients, say, whose rows on both sides
// of a split would make a test of memory.
std::vector<std::string> remarks_on_groups(const TypedTable& table, const Target& target);

// Classes that are not in the rows to choose by or to test on, and a class that is nearly all.
std::vector<std::string> remarks_on_classes(const Target& target,
                                            const std::vector<int64_t>& validation,
                                            const std::vector<int64_t>& test);
std::vector<std::string> remarks_on_balance(const Target& target);

}  // namespace attune::tune
