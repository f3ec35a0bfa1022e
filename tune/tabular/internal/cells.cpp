#include "tune/tabular/internal/cells.h"

#include <charconv>
#include <cmath>

#include <fmt/format.h>

namespace attune::tune::cells {

const std::vector<double>* numbers(const Table& table, size_t column) {
  return std::get_if<std::vector<double>>(&table.columns[column]);
}

bool missing(const Table& table, size_t column, int64_t row) {
  const auto i = static_cast<size_t>(row);
  if (const std::vector<double>* values = numbers(table, column)) return std::isnan((*values)[i]);
  return std::get<std::vector<std::string>>(table.columns[column])[i].empty();
}

std::string text(double number) {
  if (std::isnan(number)) return "";
  // fmt's shortest form writes 1e+16 and 3.0; whole numbers are wanted as they stand in files.
  if (number == std::floor(number) && std::abs(number) < 1e15) return fmt::format("{:.0f}", number);
  return fmt::format("{}", number);
}

std::string text(const Table& table, size_t column, int64_t row) {
  const auto i = static_cast<size_t>(row);
  if (const std::vector<double>* values = numbers(table, column)) return text((*values)[i]);
  return std::get<std::vector<std::string>>(table.columns[column])[i];
}

std::optional<double> parse_number(std::string_view given) {
  constexpr std::string_view kSpace = " \t";
  const size_t begin = given.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  given = given.substr(begin, given.find_last_not_of(kSpace) - begin + 1);
  if (given.front() == '+') given.remove_prefix(1);
  double number = 0;
  const char* end = given.data() + given.size();
  const auto [at, error] = std::from_chars(given.data(), end, number);
  if (error != std::errc() || at != end) return {};
  return number;
}

}  // namespace attune::tune::cells
