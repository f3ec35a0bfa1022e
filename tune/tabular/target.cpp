#include "attune/tune/tabular/target.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <unordered_map>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/document.h"

namespace attune::tune {
namespace {

// Whole numbers are classes up to this many distinct ones, if each has some rows.
constexpr size_t kMaxNumberClasses = 30;
constexpr int64_t kRowsPerNumberClass = 5;
constexpr size_t kFewClasses = 3;  // nobody would count up to so few

// The first cell that is neither a number in the column's form nor missing.
void refuse_text_among_numbers(const Sheet& sheet, size_t at, const ColumnFormat& format,
                               const MissingTexts& missing, std::string_view advice) {
  for (int64_t row = 0; row < sheet.rows(); ++row) {
    const std::string_view cell = sheet.cell(row, at);
    const bool number = parse_number(cell, format.number).has_value();
    if (number || missing.among_numbers(cell)) continue;
    throw ValueError(
        fmt::format("{}: {} is not a number{}", sheet.place(row, at), in_quotes(cell), advice));
  }
}

// Numbers before texts, by size; equal numbers (1 and 1.0) and texts by their characters.
bool in_order(const std::string& a, const std::string& b) {
  const std::optional<double> x = parse_number(a, NumberForm{}), y = parse_number(b, NumberForm{});
  if (x && y && *x != *y) return *x < *y;
  if (x.has_value() != y.has_value()) return x.has_value();
  return a.size() != b.size() && x ? a.size() < b.size() : a < b;
}

}  // namespace

std::string_view name_of(Task task) {
  return task == Task::classification ? "classification" : "regression";
}

Target Target::find(const Sheet& sheet, std::string_view name, std::optional<Task> task,
                    const MissingTexts& missing) {
  const size_t at = sheet.index_of(name);
  if (sheet.rows() == 0) {
    throw ValueError(
        fmt::format("{}: the table has names but no rows", shown_path(sheet.source())));
  }
  Target target;
  target.column_ = name;
  const Column column = read_column(sheet, at, missing);
  if (column.missing == sheet.rows()) {
    throw ValueError(fmt::format("{}: target {}: every value is missing",
                                 shown_path(sheet.source()), in_quotes(name)));
  }
  const bool numbers = column.format.kind == ColumnKind::number;
  if (task == Task::regression && !numbers) {
    refuse_text_among_numbers(sheet, at, {}, missing, "; --task regression needs numbers");
    target.take_numbers(sheet, at, column, missing);  // codes such as 01, 02
    return target;
  }
  if (numbers && task != Task::classification) {
    refuse_text_among_numbers(
        sheet, at, column.format, missing,
        ", as nearly all others are; correct it, name it in --missing, or predict classes by "
        "--task classification");
    std::set<double> distinct;
    bool whole = true;
    for (const double value : column.numbers) {
      if (std::isnan(value)) continue;
      whole = whole && value == std::floor(value);
      if (distinct.size() <= kMaxNumberClasses) distinct.insert(value);
    }
    const bool few = distinct.size() <= kMaxNumberClasses &&
                     std::ssize(distinct) * kRowsPerNumberClass <= sheet.rows() - column.missing;
    if (task == Task::regression || !whole || !few) {
      target.take_numbers(sheet, at, column, missing);
      return target;
    }
    target.whole_ = true;
  }
  target.take_classes(sheet, at, missing);
  const auto rows = std::ssize(target.rows_);
  if (2 * std::ssize(target.classes_) > rows) {
    const bool dates = column.format.kind == ColumnKind::date;
    throw ValueError(fmt::format("{}: target {}: {} classes in {} rows are too many to learn; {}",
                                 shown_path(sheet.source()), in_quotes(name),
                                 target.classes_.size(), rows,
                                 dates ? "dates cannot be predicted" : "is it an identifier?"));
  }
  return target;
}

void Target::take_numbers(const Sheet& sheet, size_t at, const Column& column,
                          const MissingTexts& missing) {
  task_ = Task::regression;
  reading_ = {.format = column.format};
  reading_.thousands_or_decimals = column.thousands_or_decimals;
  reading_.bare_percents = column.bare_percents;
  const double unit = column.format.number.percent ? 100 : 1;
  values_.assign(static_cast<size_t>(sheet.rows()), std::numeric_limits<double>::quiet_NaN());
  double low = std::numeric_limits<double>::infinity(), high = -low;
  for (int64_t row = 0; row < sheet.rows(); ++row) {
    const std::string_view cell = sheet.cell(row, at);
    const std::optional<double> value = parse_number(cell, column.format.number);
    if (!value || missing.always(cell) || missing.number(*value)) continue;
    if (!std::isfinite(*value)) {
      throw ValueError(
          fmt::format("{}: {} is no number to learn", sheet.place(row, at), in_quotes(cell)));
    }
    values_[static_cast<size_t>(row)] = unit * *value;
    rows_.push_back(row);
    low = std::min(low, unit * *value);
    high = std::max(high, unit * *value);
  }
  if (low == high) {
    throw ValueError(fmt::format("{}: target {}: all {} values are {}; there is nothing to learn",
                                 shown_path(sheet.source()), in_quotes(column_), rows_.size(),
                                 low));
  }
}

void Target::take_classes(const Sheet& sheet, size_t at, const MissingTexts& missing) {
  task_ = Task::classification;
  values_.assign(static_cast<size_t>(sheet.rows()), std::numeric_limits<double>::quiet_NaN());
  const auto is_missing = [&](std::string_view cell) {
    return whole_ ? missing.among_numbers(cell) : missing.always(cell);
  };
  std::unordered_map<std::string_view, int64_t> index;
  for (int64_t row = 0; row < sheet.rows(); ++row) {
    const std::string_view cell = sheet.cell(row, at);
    if (is_missing(cell)) continue;
    rows_.push_back(row);
    if (index.try_emplace(cell, 0).second) classes_.emplace_back(cell);
  }
  std::ranges::sort(classes_, in_order);
  for (size_t i = 0; i < classes_.size(); ++i) index[classes_[i]] = static_cast<int64_t>(i);
  for (const int64_t row : rows_) {
    values_[static_cast<size_t>(row)] = static_cast<double>(index.at(sheet.cell(row, at)));
  }
  if (classes_.size() == 1) {
    throw ValueError(fmt::format("{}: target {}: all {} values are {}; there is nothing to learn",
                                 shown_path(sheet.source()), in_quotes(column_), rows_.size(),
                                 in_quotes(classes_[0])));
  }
}

int64_t Target::outputs() const {
  return task_ == Task::regression ? 1 : static_cast<int64_t>(classes_.size());
}

Tensor Target::encode(const std::vector<int64_t>& rows) const {
  const auto n = std::ssize(rows);
  if (task_ == Task::regression) {
    std::vector<double> values;
    for (const int64_t row : rows) values.push_back(value(row));
    return Tensor::from(values, {n});
  }
  std::vector<int64_t> labels;
  for (const int64_t row : rows) labels.push_back(static_cast<int64_t>(value(row)));
  return Tensor::from(labels, {n});
}

std::vector<int64_t> Target::class_counts() const {
  std::vector<int64_t> counts(classes_.size());
  if (task_ == Task::regression) return counts;
  for (const int64_t row : rows_) ++counts[static_cast<size_t>(value(row))];
  return counts;
}

std::string Target::reading() const {
  if (task_ == Task::regression) return "numbers";
  std::string text = fmt::format("{} classes", classes_.size());
  if (whole_ && classes_.size() > kFewClasses) {
    text += " that are whole numbers (--task regression predicts them as numbers)";
  }
  return text;
}

std::string Target::to_json() const {
  Document json = {{"column", column_}, {"task", name_of(task_)}, {"classes", classes_}};
  if (task_ == Task::regression && !form().plain) {
    json.set("decimal", std::string(1, form().decimal));
    json.set("percent", form().percent);
  }
  return json.dump();
}

Target Target::from_json(std::string_view text) {
  try {
    const Document json = Document::parse(text);
    Target target;
    target.column_ = json.at("column").as<std::string>();
    const std::string task = json.at("task").as<std::string>();
    if (task != "classification" && task != "regression") throw ValueError("unknown task " + task);
    target.task_ = task == "regression" ? Task::regression : Task::classification;
    target.classes_ = json.at("classes").as<std::vector<std::string>>();
    if (json.has("decimal")) {
      NumberForm& form = target.reading_.format.number;
      form.plain = false;
      form.decimal = json.at("decimal").as<std::string>() == "," ? ',' : '.';
      form.percent = json.at("percent").dump() == "true";
    }
    if (target.task_ == Task::classification && target.classes_.size() < 2) {
      throw ValueError("fewer than two classes");
    }
    return target;
  } catch (const ValueError& e) {
    throw ValueError(fmt::format("target: {}", e.what()));
  }
}

}  // namespace attune::tune
