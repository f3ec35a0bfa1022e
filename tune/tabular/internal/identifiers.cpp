#include "tune/tabular/internal/identifiers.h"

#include <algorithm>
#include <cctype>
#include <cmath>

#include <fmt/format.h>

namespace attune::tune {
namespace {

constexpr int64_t kLeastRows = 10;  // fewer rows may have such values by chance

bool all_whole(const std::vector<double>& numbers) {
  return std::ranges::all_of(numbers, [](double x) { return x == std::floor(x); });
}

bool all_different(std::vector<double> numbers) {
  std::ranges::sort(numbers);
  return std::ranges::adjacent_find(numbers) == numbers.end();
}

bool counts_from(const std::vector<double>& numbers, double first) {
  for (size_t i = 0; i < numbers.size(); ++i) {
    if (numbers[i] != first + static_cast<double>(i)) return false;
  }
  return true;
}

// id, ID, user_id, customerId, passengerid, uuid, index, "Unnamed: 0".
bool named_as_identifier(std::string_view name) {
  std::string lower;
  for (const char c : name) {
    lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  for (const std::string_view whole : {"id", "uuid", "guid", "index", "rownames", "row_names"}) {
    if (lower == whole) return true;
  }
  const bool ends = lower.ends_with("_id") || lower.ends_with(" id") || lower.ends_with("-id") ||
                    lower.ends_with(".id") || lower.ends_with("passengerid") ||
                    lower.ends_with("customerid") || lower.ends_with("userid");
  return ends || name.ends_with("Id") || name.ends_with("ID") || lower.starts_with("unnamed:");
}

}  // namespace

std::string why_identifier(const Sheet& sheet, size_t at, const Column& column) {
  if (sheet.rows() < kLeastRows || column.missing > 0) return "";
  const bool nameless = sheet.has_header() && !sheet.named(at);
  const bool by_name = named_as_identifier(column.format.name);
  if (column.format.kind == ColumnKind::category) {
    if (std::ssize(column.texts) < sheet.rows()) return "";
    return "each row has a text of its own";
  }
  if (column.format.kind != ColumnKind::number || !all_whole(column.numbers)) return "";
  for (const double first : {0.0, 1.0}) {
    if (counts_from(column.numbers, first)) {
      return fmt::format("it counts the rows from {}", first);
    }
  }
  if ((nameless || by_name) && all_different(column.numbers)) {
    return nameless ? "it has no name and each row has a number of its own"
                    : "each row has a number of its own";
  }
  return "";
}

}  // namespace attune::tune
