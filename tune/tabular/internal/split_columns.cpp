#include "tune/tabular/internal/split_columns.h"

#include <algorithm>
#include <cmath>
#include <unordered_map>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/tabular/repeated_rows.h"

namespace attune::tune {
namespace {

constexpr size_t kLeastGroups = 10;  // values of a column that may be patients or the like
constexpr int64_t kRowsPerGroup = 3;
constexpr double kMostlyOne = 0.8;  // a class's share at which accuracy says little

// By row, a number for each value of the column; -1 if it is missing.
std::vector<int64_t> values_of(const Column& column) {
  if (column.format.kind == ColumnKind::category) return {column.codes.begin(), column.codes.end()};
  std::vector<int64_t> values;
  std::unordered_map<double, int64_t> index;
  for (const double number : column.numbers) {
    if (std::isnan(number)) {
      values.push_back(-1);
    } else {
      values.push_back(index.try_emplace(number, std::ssize(index)).first->second);
    }
  }
  return values;
}

bool whole(const Column& column) {
  return std::ranges::all_of(column.numbers,
                             [](double x) { return std::isnan(x) || x == std::floor(x); });
}

}  // namespace

std::vector<int64_t> groups_of(const Sheet& sheet, const std::string& column, const Target& target,
                               std::vector<std::string>& remarks) {
  const size_t at = sheet.index_of(column);
  if (column == target.column()) throw ValueError("fit: the target cannot be the group too");
  std::vector<int64_t> groups;
  std::unordered_map<std::string_view, int64_t> index;
  int64_t alone = 0;
  for (int64_t row = 0; row < sheet.rows(); ++row) {
    const std::string_view cell = sheet.cell(row, at);
    groups.push_back(cell.empty() ? -++alone
                                  : index.try_emplace(cell, std::ssize(index)).first->second);
  }
  remarks.push_back(fmt::format("{} groups by {}, each in one part; the column is not learned from",
                                index.size(), in_quotes(column)));
  return groups;
}

std::vector<double> times_of(const Sheet& sheet, const std::string& column, const Target& target,
                             const MissingTexts& missing) {
  const size_t at = sheet.index_of(column);
  if (column == target.column()) throw ValueError("fit: the target cannot be the time too");
  Column times = read_column(sheet, at, missing);
  if (times.format.kind != ColumnKind::number && times.format.kind != ColumnKind::date) {
    throw ValueError(fmt::format("{}: {} is neither a number nor a date; --time needs them",
                                 sheet.place(0, at), in_quotes(sheet.cell(0, at))));
  }
  for (const int64_t row : target.rows()) {
    if (!std::isnan(times.numbers[static_cast<size_t>(row)])) continue;
    throw ValueError(
        fmt::format("{}: {} is neither a number nor a date; --time needs one in each "
                    "row",
                    sheet.place(row, at), in_quotes(sheet.cell(row, at))));
  }
  return std::move(times.numbers);
}

std::vector<int64_t> keep_repeats_together(const TypedTable& table, const Target& target,
                                           std::vector<std::string>& remarks) {
  RepeatedRows found = find_repeated_rows(table, target);
  if (found.repeats > 0 && found.too_few) {
    remarks.push_back(fmt::format(
        "{} of {} rows repeat others; {} distinct rows are too few for three parts: validation and "
        "test repeat rows that are trained on",
        found.repeats, target.rows().size(), found.kinds));
  } else if (found.repeats > 0) {
    remarks.push_back(
        fmt::format("{} of {} rows repeat others; {}", found.repeats, target.rows().size(),
                    found.groups.empty()
                        ? "as rows of equal inputs differ in the target too, that is taken for "
                          "chance"
                        : "equal rows are kept in one part"));
  }
  return std::move(found.groups);
}

std::vector<std::string> remarks_on_groups(const TypedTable& table, const Target& target) {
  std::vector<std::string> remarks;
  if (target.task() != Task::classification) return remarks;
  const auto rows = std::ssize(target.rows());
  for (const Column& column : table.columns) {
    const bool category = column.format.kind == ColumnKind::category;
    if (!category && (column.format.kind != ColumnKind::number || !whole(column))) continue;
    const std::vector<int64_t> values = values_of(column);
    std::unordered_map<int64_t, double> classes;
    bool one_each = true;
    for (const int64_t row : target.rows()) {
      const int64_t value = values[static_cast<size_t>(row)];
      const auto [found, is_new] = classes.try_emplace(value, target.value(row));
      one_each = one_each && (is_new || found->second == target.value(row));
      if (!one_each || std::ssize(classes) * kRowsPerGroup > rows) break;
    }
    if (!one_each || classes.size() < kLeastGroups || std::ssize(classes) * kRowsPerGroup > rows) {
      continue;
    }
    remarks.push_back(
        fmt::format("each of the {} values of {} comes with one {}; if they are patients, sessions "
                    "or the like, "
                    "--group {} keeps their rows in one part",
                    classes.size(), in_quotes(column.format.name), in_quotes(target.column()),
                    printable(column.format.name)));
  }
  return remarks;
}

std::vector<std::string> remarks_on_classes(const Target& target,
                                            const std::vector<int64_t>& validation,
                                            const std::vector<int64_t>& test) {
  std::vector<std::string> remarks;
  if (target.task() != Task::classification) return remarks;
  const std::vector<int64_t> counts = target.class_counts();
  std::vector<bool> validated(counts.size()), tested(counts.size());
  for (const int64_t row : validation) validated[static_cast<size_t>(target.value(row))] = true;
  for (const int64_t row : test) tested[static_cast<size_t>(target.value(row))] = true;
  for (size_t k = 0; k < counts.size(); ++k) {
    if (validated[k] && tested[k]) continue;
    remarks.push_back(fmt::format("class {} has {} row{}: it is trained on, never {}",
                                  in_quotes(target.classes()[k]), counts[k],
                                  counts[k] == 1 ? "" : "s",
                                  validated[k] ? "tested"
                                  : tested[k]  ? "validated"
                                               : "validated or tested"));
  }
  return remarks;
}

std::vector<std::string> remarks_on_balance(const Target& target) {
  if (target.task() != Task::classification) return {};
  const std::vector<int64_t> counts = target.class_counts();
  const auto most = std::ranges::max_element(counts);
  const double share = static_cast<double>(*most) / static_cast<double>(target.rows().size());
  if (share < kMostlyOne) return {};
  const size_t k = static_cast<size_t>(most - counts.begin());
  return {
      fmt::format("{:.1f} % of the rows are {}: accuracy says little there; see --score "
                  "balanced_accuracy, f1, auc, log_loss",
                  100 * share, in_quotes(target.classes()[k]))};
}

}  // namespace attune::tune
