#include "attune/tune/tabular/typed_table.h"

#include <algorithm>
#include <cmath>
#include <limits>
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

// A percent sign in some cells makes percents of all.
void note_percents(const std::vector<std::string_view>& cells, Column& column) {
  NumberForm& form = column.format.number;
  if (form.plain) return;
  const auto signs = std::ranges::count_if(
      cells, [&](std::string_view cell) { return has_percent_sign(cell, form); });
  form.percent = signs > 0;
  if (!form.percent) return;
  const auto numbers = std::ranges::count_if(
      cells, [&](std::string_view cell) { return parse_number(cell, form).has_value(); });
  column.bare_percents = numbers - signs;
}

// 20230131 in every row.
bool are_dates_in_digits(const std::vector<std::string_view>& cells) {
  return std::ranges::all_of(cells, [](std::string_view cell) {
    return cell.size() == 8 && (cell.starts_with("19") || cell.starts_with("20")) &&
           parse_date(cell, DateOrder::year_month_day);
  });
}

// Decides between thousands and decimals by all cells, where the sheet does not say it.
void settle_separator(const Sheet& sheet, const std::vector<std::string_view>& cells,
                      Column& column) {
  NumberForm& form = column.format.number;
  const char separator = form.thousands != 0 ? form.thousands : form.decimal;
  const bool doubtful = separator == ',' || (separator == '.' && sheet.delimiter() == ';');
  if (sheet.decimal() != 0 || !doubtful) return;
  const SeparatorUse use = use_of_separator(cells, separator, form.unit);
  if (use == SeparatorUse::decimals) return;
  if (use == SeparatorUse::thousands) {
    form.thousands = separator;
    form.decimal = separator == ',' ? '.' : ',';
    form.plain = false;
    return;
  }
  column.thousands_or_decimals = *std::ranges::find_if(cells, [&](std::string_view cell) {
    return cell.find(separator) != std::string_view::npos && parse_number(cell, form);
  });
}

// Plain numbers whose points are not decimal points after all.
bool has_points_of_thousands(const Sheet& sheet, const std::vector<std::string_view>& cells,
                             Column& column) {
  if (sheet.decimal() == ',') {
    return std::ranges::any_of(
        cells, [](std::string_view cell) { return cell.find('.') != std::string_view::npos; });
  }
  settle_separator(sheet, cells, column);
  return !column.format.number.plain;
}

void note_on_dates(const std::vector<std::string_view>& cells, Column& column) {
  const auto all = [&](DateOrder order) {
    return std::ranges::all_of(cells, [&](std::string_view cell) {
      return parse_date(cell, order) || !parse_date(cell, column.format.date);
    });
  };
  const bool month_first = all(DateOrder::month_day_year),
             day_first = all(DateOrder::day_month_year);
  column.months_by_name = month_first && all(DateOrder::year_month_day);
  column.day_or_month = month_first && day_first && !column.months_by_name;
}

Column finish(const Sheet& sheet, size_t at, const MissingTexts& missing, FirstLook first) {
  Column& column = first.column;
  const int64_t known = sheet.rows() - column.missing;
  const bool plain = first.wrong == 0 && known > 0;
  const auto known_number = std::ranges::find_if(column.numbers, [](double x) { return x == x; });
  const bool maybe_dates =
      plain && known_number != column.numbers.end() && *known_number > 19e6 && *known_number < 21e6;
  const bool points =
      plain && (sheet.decimal() == ',' || (sheet.decimal() == 0 && sheet.delimiter() == ';'));
  if (plain && !first.leading_zeros && !maybe_dates && !points) return std::move(column);

  const std::vector<std::string_view> cells = known_cells(sheet, at, missing);
  if (cells.empty()) return std::move(column);  // nothing is known: numbers, all missing
  if (first.leading_zeros && few_texts(cells)) {
    read_categories(sheet, at, missing, column);
    return std::move(column);
  }
  const bool not_plain = !plain || (points && has_points_of_thousands(sheet, cells, column));
  if (!not_plain && !(maybe_dates && are_dates_in_digits(cells))) return std::move(column);

  const std::vector<std::string_view> sample = sample_of(cells);
  const auto read_as = [&](const ColumnFormat& format) {
    if (!fits(format, sample)) return false;
    column.format = format;
    if (format.kind == ColumnKind::number) {
      settle_separator(sheet, cells, column);
      note_percents(cells, column);
    }
    return enough(std::ssize(cells) - read_values(sheet, at, missing, column), std::ssize(cells));
  };
  ColumnFormat format = column.format;
  if (not_plain) {
    format.number = likeliest_number_form(sample, sheet.delimiter() == ';', sheet.decimal());
    if (read_as(format)) return std::move(column);
  }
  format.number = {};
  format.kind = ColumnKind::boolean;
  if (read_as(format)) return std::move(column);
  format.kind = ColumnKind::date;
  format.date = likeliest_date_order(sample);
  if (fits(format, sample)) {
    format.date = likeliest_date_order(cells);
    if (read_as(format)) {
      note_on_dates(cells, column);
      return std::move(column);
    }
  }
  const NumberForm point{.plain = false}, comma{.decimal = ',', .plain = false};
  const auto mixed = std::ranges::count_if(cells, [&](std::string_view cell) {
    return parse_number(cell, point) || parse_number(cell, comma);
  });
  column = {.format = {.name = format.name}};
  column.mixed_decimals = enough(mixed, std::ssize(cells));
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
    if (column.mixed_decimals) {
      reason = "it mixes decimal points and decimal commas, as 1.50 and 1,50";
    } else if (!options.keep_index) {
      reason = why_identifier(sheet, places[i], column);
    }
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
    const auto known = [&](size_t n) {  // the n-th further column of this name
      return std::ranges::find(formats, fmt::format("{}.{}", format.name, n),
                               &ColumnFormat::name) != formats.end();
    };
    const bool clear = found && (!sheet.shared(*found) || known(1));
    places.push_back(clear ? *found : sheet.index_of(format.name));  // which throws
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

}  // namespace attune::tune
