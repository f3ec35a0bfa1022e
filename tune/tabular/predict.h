#pragma once
// A table with what a model says of it.

#include <iosfwd>
#include <string>

#include "attune/tune/tabular/sheet.h"
#include "attune/tune/tabular/tabular_model.h"

namespace attune::tune {

// Reads a table to predict. Where that is left open, its first row is names if the model knows one
// of them, or if it looks so and the model's own table had names.
Sheet read_table_for(const TabularModel& model, const std::string& path, SheetOptions options = {});

// The table's rows as they stand in its file, byte for byte, each followed by the cells of the
// predictions: with the file's delimiter, line ends and encoding. A table without names gets a
// first row of them. A new name that the table has already gets a number at its end. ValueError for
// a class that the encoding cannot write.
void write_predictions(std::ostream& out, const Sheet& sheet, const Predictions& predictions);

// The same to a file, which appears complete or not at all. IoError says why it cannot.
void save_predictions(const std::string& path, const Sheet& sheet, const Predictions& predictions);

}  // namespace attune::tune
