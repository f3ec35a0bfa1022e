#pragma once
// A table whose columns have been understood: numbers, dates, yes and no, categories.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/tabular/column_format.h"
#include "attune/tune/tabular/sheet.h"

namespace attune::tune {

// Cells that are taken as missing though they do not look like it: '-' among numbers.
struct Strays {
  int64_t cells = 0;
  int64_t first_row = -1;
  std::string first = {};  // the first one's text
  bool alike = true;       // all have this text
};

struct Column {
  ColumnFormat format;
  std::vector<double> numbers = {};          // by row, NaN if missing; not for categories
  std::vector<int32_t> codes = {};           // by row, -1 if missing; categories only
  std::vector<std::string_view> texts = {};  // of the codes, in the order of first appearance
  int64_t missing = 0;                       // cells
  Strays strays = {};
  // What may be read in two ways: a cell such as 1,234, which is a number of thousands or one with
  // decimals; all days of a numbered date at most 12; some percents without their sign; decimal
  // points and commas in one column, which makes it texts.
  std::string thousands_or_decimals = {};
  bool day_or_month = false, months_by_name = false, mixed_decimals = false;
  int64_t bare_percents = 0;
};

// A column that a model does not use, and why: "it counts the rows from 0".
struct LeftOut {
  std::string name, reason;
};

struct TypedTable {
  Sheet sheet;  // keeps the texts alive
  std::vector<Column> columns;
  std::vector<LeftOut> left_out = {};
};

struct ReadingOptions {
  std::vector<std::string> missing = {};  // texts that mean "not known", beside the usual ones
  std::vector<std::string> skip = {};     // columns that are not looked at, such as the target
  bool keep_index = false;                // keep what looks like an index or an identifier
};

// At least this share of a column's known cells must be numbers (dates, …) for it to be numbers.
inline constexpr double kAlmostAll = 0.9;

// Finds out how each column is to be read, and reads it. A column almost all of whose cells are
// numbers is numbers; the others are then missing.
TypedTable read_columns(const Sheet& sheet, const ReadingOptions& options = {});

// One column, by itself.
Column read_column(const Sheet& sheet, size_t column, const MissingTexts& missing);

// Reads columns in formats that are known. They are found by name and may be in any order; others
// are not looked at. ValueError, with the place, for a column that is not there, or almost none of
// whose cells can be read so.
TypedTable read_columns(const Sheet& sheet, const std::vector<ColumnFormat>& formats,
                        const MissingTexts& missing);

// How columns were read where that is not plain to see: "column 'price' is read as numbers:
// thousands by ,". One line for all columns that are read alike.
// `target` is a further column, which the table lacks.
std::vector<std::string> remarks_on_reading(const TypedTable& table,
                                            const Column* target = nullptr);
// "people.csv: line 39, column 'age': '-' is taken as missing", for each column with such cells.
std::vector<std::string> remarks_on_strays(const TypedTable& table);

}  // namespace attune::tune
