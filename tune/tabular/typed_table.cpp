#include "attune/tune/tabular/typed_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <unordered_map>
#include <unordered_set>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tensor/internal/csv_cells.h"
#include "attune/base/internal/text.h"
#include "tune/tabular/internal/identifiers.h"

namespace attune::tune {
namespace {

constexpr double kMissing = std::numeric_limits<double>::quiet_NaN();
constexpr int64_t kBlock = 256;    // rows that are read together, so that they stay in the cache
constexpr size_t kSample = 1000;   // cells by which a form is chosen
constexpr size_t kMostCodes = 32;  // different codes such as 01, 02 that are categories

bool enough(int64_t part, int64_t all) {
  return static_cast<double>(part) >= kAlmostAll * static_cast<double>(all);
}

// 007, but not 0 or 0.7.
bool has_leading_zero(std::string_view cell) {
  return cell.size() > 1 && cell[0] == '0' &&
         std::ranges::all_of(cell, [](char c) { return c >= '0' && c <= '9'; });
}

void stray(Column& column, int64_t row, std::string_view cell) {
  Strays& s = column.strays;
  if (s.cells++ == 0) {
    s.first_row = row;
    s.first = cell;
  }
  s.alike = s.alike && s.first == cell;
}

// Adds a cell's number, or that it is missing; false: it should have been a number.
bool add_value(Column& column, int64_t row, std::string_view cell, const MissingTexts& missing) {
  const std::optional<double> value = column.format.value(cell);
  if (value && std::isfinite(*value) && !missing.number(*value)) {
    column.numbers.push_back(*value);
    return true;
  }
  column.numbers.push_back(kMissing);
  ++column.missing;
  if (missing.always(cell) || (value && missing.number(*value))) return true;
  stray(column, row, cell);
  return value || missing.among_numbers(cell);  // an infinite number is one
}

// Reads all of a column in its format; how many cells are neither of its kind nor missing.
int64_t read_values(const Sheet& sheet, size_t at, const MissingTexts& missing, Column& column) {
  column.numbers.clear();
  column.numbers.reserve(static_cast<size_t>(sheet.rows()));
  column.missing = 0;
  column.strays = {};
  int64_t wrong = 0;
  for (int64_t row = 0; row < sheet.rows(); ++row) {
    wrong += add_value(column, row, sheet.cell(row, at), missing) ? 0 : 1;
  }
  return wrong;
}

void read_categories(const Sheet& sheet, size_t at, const MissingTexts& missing, Column& column) {
  column.format.kind = ColumnKind::category;
  column.numbers = {};
  column.missing = 0;
  column.strays = {};
  column.codes.reserve(static_cast<size_t>(sheet.rows()));
  std::unordered_map<std::string_view, int32_t> index;
  for (int64_t row = 0; row < sheet.rows(); ++row) {
    const std::string_view cell = sheet.cell(row, at);
    if (missing.always(cell)) {
      column.codes.push_back(-1);
      ++column.missing;
      continue;
    }
    const auto [found, is_new] = index.try_emplace(cell, static_cast<int32_t>(column.texts.size()));
    if (is_new) column.texts.push_back(cell);
    column.codes.push_back(found->second);
  }
}

// What is known of a column after a first look for plain numbers.
struct FirstLook {
  Column column;
  int64_t wrong = 0;           // cells that are neither plain numbers nor missing
  bool leading_zeros = false;  // 007
  bool given_up = false;       // too many were wrong; the rest was not read
};

void look(const Sheet& sheet, size_t at, int64_t from, int64_t to, const MissingTexts& missing,
          FirstLook& first) {
  for (int64_t row = from; row < to && !first.given_up; ++row) {
    const std::string_view cell = sheet.cell(row, at);
    if (!add_value(first.column, row, cell, missing)) {
      ++first.wrong;
      first.given_up = first.wrong > 10 && !enough(sheet.rows() - first.wrong, sheet.rows());
    }
    first.leading_zeros = first.leading_zeros || has_leading_zero(cell);
  }
}

std::vector<std::string_view> known_cells(const Sheet& sheet, size_t at,
                                          const MissingTexts& missing) {
  std::vector<std::string_view> cells;
  for (int64_t row = 0; row < sheet.rows(); ++row) {
    const std::string_view cell = sheet.cell(row, at);
    if (!missing.among_numbers(cell)) cells.push_back(cell);
  }
  return cells;
}

// Chooses the format by a sample of the cells that are spread over the column.
std::vector<std::string_view> sample_of(const std::vector<std::string_view>& cells) {
  std::vector<std::string_view> sample;
  const size_t step = std::max<size_t>(1, cells.size() / kSample);
  for (size_t i = 0; i < cells.size(); i += step) sample.push_back(cells[i]);
  return sample;
}

bool fits(const ColumnFormat& format, const std::vector<std::string_view>& cells) {
  const auto count = std::ranges::count_if(
      cells, [&](std::string_view cell) { return format.value(cell).has_value(); });
  return enough(count, std::ssize(cells));
}

bool few_texts(const std::vector<std::string_view>& cells) {
  std::unordered_set<std::string_view> texts;
  for (const std::string_view cell : cells) {
    texts.insert(cell);
    if (texts.size() > kMostCodes) return false;
  }
  return true;
}

// 20230131 in every row.
bool are_dates_in_digits(const std::vector<std::string_view>& cells) {
  return std::ranges::all_of(cells, [](std::string_view cell) {
    return cell.size() == 8 && (cell.starts_with("19") || cell.starts_with("20")) &&
           parse_date(cell, DateOrder::year_month_day);
  });
}

Column finish(const Sheet& sheet, size_t at, const MissingTexts& missing, FirstLook first) {
  Column& column = first.column;
  const int64_t known = sheet.rows() - column.missing;
  const bool plain = first.wrong == 0 && known > 0;
  const bool maybe_dates = plain && column.numbers[0] > 19000000 && column.numbers[0] < 21000000;
  if (plain && !first.leading_zeros && !maybe_dates) return std::move(column);

  const std::vector<std::string_view> cells = known_cells(sheet, at, missing);
  if (cells.empty()) return std::move(column);  // nothing is known: numbers, all missing
  if (first.leading_zeros && few_texts(cells)) {
    read_categories(sheet, at, missing, column);
    return std::move(column);
  }
  if (plain && !(maybe_dates && are_dates_in_digits(cells))) return std::move(column);

  const std::vector<std::string_view> sample = sample_of(cells);
  const auto read_as = [&](const ColumnFormat& format) {
    if (!fits(format, sample)) return false;
    column.format = format;
    return enough(std::ssize(cells) - read_values(sheet, at, missing, column), std::ssize(cells));
  };
  ColumnFormat format = column.format;
  if (!plain) {
    format.number = likeliest_number_form(sample, sheet.delimiter() == ';');
    if (read_as(format)) return std::move(column);
  }
  format.number = {};
  format.kind = ColumnKind::boolean;
  if (read_as(format)) return std::move(column);
  format.kind = ColumnKind::date;
  format.date = likeliest_date_order(sample);
  if (fits(format, sample)) {
    format.date = likeliest_date_order(cells);
    if (read_as(format)) return std::move(column);
  }
  column.format = {.name = format.name};
  read_categories(sheet, at, missing, column);
  return std::move(column);
}

}  // namespace

Column read_column(const Sheet& sheet, size_t at, const MissingTexts& missing) {
  FirstLook first;
  first.column.format.name = sheet.names()[at];
  look(sheet, at, 0, sheet.rows(), missing, first);
  return finish(sheet, at, missing, std::move(first));
}

TypedTable read_columns(const Sheet& sheet, const ReadingOptions& options) {
  const MissingTexts missing(options.missing);
  const std::unordered_set<std::string> skip(options.skip.begin(), options.skip.end());
  std::vector<size_t> places;
  std::vector<FirstLook> looks;
  for (size_t at = 0; at < sheet.columns(); ++at) {
    if (skip.contains(sheet.names()[at])) continue;
    places.push_back(at);
    looks.emplace_back().column.format.name = sheet.names()[at];
    looks.back().column.numbers.reserve(static_cast<size_t>(sheet.rows()));
  }
  for (int64_t from = 0; from < sheet.rows(); from += kBlock) {
    const int64_t to = std::min(from + kBlock, sheet.rows());
    for (size_t i = 0; i < places.size(); ++i) look(sheet, places[i], from, to, missing, looks[i]);
  }
  TypedTable table{sheet, {}};
  for (size_t i = 0; i < places.size(); ++i) {
    Column column = finish(sheet, places[i], missing, std::move(looks[i]));
    std::string reason;
    if (!options.keep_index) reason = why_identifier(sheet, places[i], column);
    if (reason.empty()) {
      table.columns.push_back(std::move(column));
    } else {
      table.left_out.push_back({column.format.name, std::move(reason)});
    }
  }
  return table;
}

TypedTable read_columns(const Sheet& sheet, const std::vector<ColumnFormat>& formats,
                        const MissingTexts& missing) {
  std::vector<size_t> places;
  TypedTable table{sheet, {}};
  table.columns.reserve(formats.size());
  for (const ColumnFormat& format : formats) {
    const std::optional<size_t> found = sheet.find(format.name);
    places.push_back(found ? *found : sheet.index_of(format.name));  // which throws
    table.columns.push_back({.format = format});
  }
  for (size_t i = 0; i < formats.size(); ++i) {
    Column& column = table.columns[i];
    if (formats[i].kind == ColumnKind::category) {
      read_categories(sheet, places[i], missing, column);
      continue;
    }
    const int64_t wrong = read_values(sheet, places[i], missing, column);
    const int64_t known = sheet.rows() - column.missing + wrong;
    if (wrong > 0 && !enough(known - wrong, known)) {
      const auto is_wrong = [&](int64_t row) {
        const std::string_view cell = sheet.cell(row, places[i]);
        return !missing.among_numbers(cell) && !column.format.value(cell);
      };
      int64_t row = column.strays.first_row;
      while (row + 1 < sheet.rows() && !is_wrong(row)) ++row;
      throw ValueError(fmt::format(
          "{}: {} is not a {}, as the cells of this column were in the table that the model was "
          "made of; --missing takes it as missing",
          sheet.place(row, places[i]), in_quotes(sheet.cell(row, places[i])),
          name_of(column.format.kind)));
    }
  }
  return table;
}

std::vector<std::string> remarks_on_reading(const TypedTable& table) {
  std::map<std::string, std::vector<std::string>> columns;  // by how they are read
  for (const Column& column : table.columns) {
    const ColumnFormat& format = column.format;
    if (format.kind == ColumnKind::number && !format.number.plain) {
      columns["numbers (" + describe(format.number) + ")"].push_back(format.name);
    } else if (format.kind == ColumnKind::date) {
      columns[fmt::format("dates ({})", name_of(format.date))].push_back(format.name);
    }
  }
  std::vector<std::string> remarks;
  for (const auto& [reading, names] : columns) {
    remarks.push_back(fmt::format("read as {}: {}", reading, list_in_quotes(names, 6)));
  }
  for (size_t at = 0; at < table.sheet.columns(); ++at) {
    if (table.sheet.renamed(at)) {
      remarks.push_back(fmt::format("column {} has the name of an earlier one and is called {}",
                                    at + 1, in_quotes(table.sheet.names()[at])));
    }
  }
  return remarks;
}

std::vector<std::string> remarks_on_strays(const TypedTable& table) {
  std::vector<std::string> remarks;
  for (const Column& column : table.columns) {
    const Strays& s = column.strays;
    if (s.cells == 0) continue;
    std::string remark = fmt::format(
        "{}: {} is taken as missing",
        table.sheet.place(s.first_row, *table.sheet.find(column.format.name)), in_quotes(s.first));
    if (s.cells > 1) {
      remark += fmt::format(", as {} {} cell{}", s.cells - 1, s.alike ? "equal" : "other",
                            s.cells == 2 ? " is" : "s are");
    }
    remarks.push_back(std::move(remark));
  }
  return remarks;
}

}  // namespace attune::tune
