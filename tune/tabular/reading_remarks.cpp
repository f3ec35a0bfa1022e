// What the user should know of how a table was read.

#include <algorithm>
#include <limits>
#include <map>

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "attune/tune/tabular/typed_table.h"

namespace attune::tune {
namespace {

std::string date_reading(const Column& column) {
  if (column.months_by_name) return "dates (months by name)";
  const std::string_view order = name_of(column.format.date);
  if (!column.day_or_month) return fmt::format("dates ({})", order);
  return fmt::format("dates ({}; no day is above 12, so {} is possible as well)", order,
                     order == "mdy" ? "dmy" : "mdy");
}

// What may be read in another way than it was.
void add_doubts(const Column& column, std::vector<std::string>& remarks) {
  const std::string& cell = column.thousands_or_decimals;
  if (!cell.empty()) {
    remarks.push_back(
        fmt::format("{}: {} is read as {}, and may be {}; --decimal , or --decimal . says which",
                    in_quotes(column.format.name), in_quotes(cell),
                    column.format.value(cell).value_or(std::numeric_limits<double>::quiet_NaN()),
                    column.format.number.thousands != 0 ? "a number with three decimals"
                                                        : "a number of thousands"));
  }
  if (column.bare_percents > 0) {
    remarks.push_back(fmt::format("{}: {} cell{} no %; all are taken as percents",
                                  in_quotes(column.format.name), column.bare_percents,
                                  column.bare_percents == 1 ? " has" : "s have"));
  }
}

}  // namespace

std::vector<std::string> remarks_on_reading(const TypedTable& table, const Column* target) {
  std::map<std::string, std::vector<std::string>> columns;  // by how they are read
  std::vector<std::string> doubts;
  const auto look_at = [&](const Column& column) {
    const ColumnFormat& format = column.format;
    if (format.kind == ColumnKind::number && !format.number.plain) {
      columns["numbers (" + describe(format.number) + ")"].push_back(format.name);
    } else if (format.kind == ColumnKind::date) {
      columns[date_reading(column)].push_back(format.name);
    }
    add_doubts(column, doubts);
  };
  if (target != nullptr) look_at(*target);
  std::ranges::for_each(table.columns, look_at);
  std::vector<std::string> remarks = std::move(doubts);
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
