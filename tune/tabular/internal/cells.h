#pragma once
// Looking at single cells of a Table.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tensor/io/csv.h"

namespace attune::tune::cells {

// The column, if it holds numbers; null: it holds text.
const std::vector<double>* numbers(const Table& table, size_t column);

bool missing(const Table& table, size_t column, int64_t row);
// As it stands there; whole numbers without a point; a missing one is "".
std::string text(const Table& table, size_t column, int64_t row);
std::string text(double number);

// All of the text, spaces around it aside.
std::optional<double> parse_number(std::string_view text);

}  // namespace attune::tune::cells
