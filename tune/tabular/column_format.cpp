#include "attune/tune/tabular/column_format.h"

#include <algorithm>
#include <array>
#include <cctype>

#include <fmt/format.h>

#include "attune/tune/internal/json.h"

namespace attune::tune {
namespace {

constexpr std::array<std::string_view, 16> kAlways = {
    "NA",   "N/A", "n/a",  "NaN", "nan", "NULL",    "null", "?",
    "<NA>", "NaT", "#N/A", "#NA", "\\N", "#DIV/0!", "-nan", "1.#QNAN"};
constexpr std::array<std::string_view, 16> kAmongNumbers = {
    "-",    "--",    "---",     ".",     "..",     "None",    "none",    "NONE",
    "Null", "#REF!", "#VALUE!", "#NUM!", "#NAME?", "missing", "unknown", "\u2013"};

}  // namespace

std::string_view name_of(ColumnKind kind) {
  switch (kind) {
    case ColumnKind::number: return "number";
    case ColumnKind::date: return "date";
    case ColumnKind::boolean: return "boolean";
    case ColumnKind::category: break;
  }
  return "category";
}

std::optional<double> ColumnFormat::value(std::string_view cell) const {
  switch (kind) {
    case ColumnKind::number: return parse_number(cell, number);
    case ColumnKind::date: return parse_date(cell, date);
    case ColumnKind::boolean:
      if (const std::optional<bool> known = parse_boolean(cell)) return *known ? 1.0 : 0.0;
      return {};
    case ColumnKind::category: break;
  }
  return {};
}

std::string ColumnFormat::to_json() const {
  std::string text = fmt::format("\"name\":{},\"kind\":\"{}\"", json::quote(name), name_of(kind));
  if (kind == ColumnKind::number && !number.plain) {
    text += fmt::format(",\"decimal\":{},\"thousands\":{},\"unit\":{}",
                        json::quote(std::string_view(&number.decimal, 1)),
                        json::quote(std::string_view(&number.thousands, number.thousands != 0)),
                        json::quote(number.unit));
    if (number.percent) text += ",\"percent\":true";
  }
  if (kind == ColumnKind::date) text += fmt::format(",\"order\":\"{}\"", tune::name_of(date));
  return text;
}

MissingTexts::MissingTexts(const std::vector<std::string>& more)
    : always_(more.begin(), more.end()) {
  for (const std::string& text : more) {
    if (const std::optional<double> value = parse_number(text, {})) numbers_.push_back(*value);
  }
  for (const std::string_view text : kAlways) always_.emplace(text);
  for (const std::string& text : always_) longest_ = std::max(longest_, text.size());
}

bool MissingTexts::among_numbers(std::string_view cell) const {
  return always(cell) || std::ranges::find(kAmongNumbers, cell) != kAmongNumbers.end();
}

std::optional<bool> parse_boolean(std::string_view cell) {
  if (cell.empty() || cell.size() > 5) return {};
  std::string word;
  for (const char c : cell) {
    word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (word == "true" || word == "yes" || word == "t" || word == "y") return true;
  if (word == "false" || word == "no" || word == "f" || word == "n") return false;
  return {};
}

}  // namespace attune::tune
