#pragma once
// Columns that number or name the rows. In the table that a model is made of they may predict the
// target (by the order of the file); in any other they cannot.

#include <string>

#include "attune/tune/tabular/typed_table.h"

namespace attune::tune {

// Why the column is taken for an index or an identifier: "it counts the rows from 1". Empty: it is
// not.
std::string why_identifier(const Sheet& sheet, size_t at, const Column& column);

}  // namespace attune::tune
