#pragma once
// A table with what a model says of it.

#include <iosfwd>

#include "attune/tensor/io/csv.h"
#include "attune/tune/tabular/tabular_model.h"

namespace attune::tune {

// CSV (RFC 4180): the table's columns, then those of the predictions. A new name that the table
// has already gets a number at its end.
void write_predictions(std::ostream& out, const Table& table, const Predictions& predictions);

}  // namespace attune::tune
