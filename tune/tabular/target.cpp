#include "attune/tune/tabular/target.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tune/internal/document.h"
#include "tune/tabular/internal/cells.h"

namespace attune::tune {
namespace {

// Whole numbers are classes up to this many distinct ones, if each has some rows.
constexpr size_t kMaxNumberClasses = 30;
constexpr int64_t kRowsPerNumberClass = 5;

// Edit distance (Levenshtein, 1965), ignoring case.
size_t distance(std::string_view a, std::string_view b) {
  std::vector<size_t> row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    size_t diagonal = row[0];
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const bool same = std::tolower(static_cast<unsigned char>(a[i - 1])) ==
                        std::tolower(static_cast<unsigned char>(b[j - 1]));
      const size_t changed = diagonal + (same ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, changed});
    }
  }
  return row[b.size()];
}

// Complains about the first text of a column that is mostly numbers: a slip, not a class.
void refuse_text_among_numbers(const Table& table, size_t column, const std::vector<int64_t>& rows,
                               bool numbers_needed) {
  int64_t numbers = 0;
  std::optional<int64_t> text;
  for (const int64_t row : rows) {
    if (cells::parse_number(cells::text(table, column, row))) {
      ++numbers;
    } else if (!text) {
      text = row;
    }
  }
  const bool mostly = 10 * numbers >= 9 * static_cast<int64_t>(rows.size());
  if (text && (numbers_needed || mostly)) {
    throw ValueError(fmt::format("column '{}', data row {}: '{}' is not a number",
                                 table.names[column], *text + 1,
                                 cells::text(table, column, *text)));
  }
}

}  // namespace

std::string_view name_of(Task task) {
  return task == Task::classification ? "classification" : "regression";
}

size_t column_index(const Table& table, std::string_view name) {
  const auto found = std::find(table.names.begin(), table.names.end(), name);
  if (found != table.names.end()) return static_cast<size_t>(found - table.names.begin());
  if (table.names.empty()) throw ValueError(fmt::format("no column '{}': there is none", name));
  const auto nearest = std::min_element(
      table.names.begin(), table.names.end(),
      [&](const auto& a, const auto& b) { return distance(a, name) < distance(b, name); });
  throw ValueError(fmt::format("no column '{}' among the {}; the nearest is '{}'", name,
                               table.names.size(), *nearest));
}

std::vector<int64_t> Target::known_rows(const Table& table, std::string_view name) {
  const size_t column = column_index(table, name);
  std::vector<int64_t> rows;
  for (int64_t row = 0; row < table.rows; ++row) {
    if (!cells::missing(table, column, row)) rows.push_back(row);
  }
  return rows;
}

Target Target::find(const Table& table, std::string_view name, std::optional<Task> task) {
  const size_t column = column_index(table, name);
  const std::vector<int64_t> rows = known_rows(table, name);
  const auto count = static_cast<int64_t>(rows.size());
  if (table.rows == 0) throw ValueError("the table has names but no rows");
  if (rows.empty()) throw ValueError(fmt::format("target '{}': every value is missing", name));

  const std::vector<double>* numbers = cells::numbers(table, column);
  if (!numbers) refuse_text_among_numbers(table, column, rows, task == Task::regression);

  std::set<std::string> texts;
  std::map<double, std::string> values;  // numbers in their own order
  bool whole = true;
  for (const int64_t row : rows) {
    if (numbers) {
      const double value = (*numbers)[static_cast<size_t>(row)];
      if (!std::isfinite(value)) {
        throw ValueError(fmt::format("column '{}', data row {}: {} is no number to learn", name,
                                     row + 1, value));
      }
      whole = whole && value == std::floor(value);
      values.emplace(value, cells::text(table, column, row));
    } else {
      texts.insert(cells::text(table, column, row));
    }
  }
  const size_t distinct = numbers ? values.size() : texts.size();

  Target target;
  target.column_ = name;
  if (task) {
    target.task_ = *task;
  } else {
    const bool few = distinct <= kMaxNumberClasses &&
                     static_cast<int64_t>(distinct) * kRowsPerNumberClass <= count;
    target.task_ = !numbers || (whole && few) ? Task::classification : Task::regression;
  }
  if (distinct == 1) {
    throw ValueError(fmt::format("target '{}': all {} values are {}; there is nothing to learn",
                                 name, count, numbers ? values.begin()->second : *texts.begin()));
  }
  if (target.task_ == Task::regression) return target;

  if (2 * static_cast<int64_t>(distinct) > count) {
    throw ValueError(fmt::format(
        "target '{}': {} classes in {} rows are too many to learn; is it an identifier?", name,
        distinct, count));
  }
  for (const auto& [value, text] : values) target.classes_.push_back(text);
  for (const std::string& text : texts) target.classes_.push_back(text);
  return target;
}

int64_t Target::outputs() const {
  return task_ == Task::regression ? 1 : static_cast<int64_t>(classes_.size());
}

Tensor Target::encode(const Table& table, const std::vector<int64_t>& rows) const {
  const size_t column = column_index(table, column_);
  const std::vector<double>* numbers = cells::numbers(table, column);
  const auto fail = [&](int64_t row) {
    throw ValueError(fmt::format("column '{}', data row {}: '{}' is not {}", column_, row + 1,
                                 cells::text(table, column, row),
                                 task_ == Task::regression ? "a number" : "one of the classes"));
  };
  const auto n = static_cast<int64_t>(rows.size());
  if (task_ == Task::regression) {
    std::vector<double> values;
    for (const int64_t row : rows) {
      if (!numbers || cells::missing(table, column, row)) fail(row);
      values.push_back((*numbers)[static_cast<size_t>(row)]);
    }
    return Tensor::from(values, {n});
  }
  std::map<std::string, int64_t, std::less<>> index;
  for (size_t i = 0; i < classes_.size(); ++i) index[classes_[i]] = static_cast<int64_t>(i);
  std::vector<int64_t> labels;
  for (const int64_t row : rows) {
    const auto found = index.find(cells::text(table, column, row));
    if (found == index.end()) fail(row);
    labels.push_back(found->second);
  }
  return Tensor::from(labels, {n});
}

std::string Target::to_json() const {
  return Document{{"column", column_}, {"task", name_of(task_)}, {"classes", classes_}}.dump();
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
    if (target.task_ == Task::classification && target.classes_.size() < 2) {
      throw ValueError("fewer than two classes");
    }
    return target;
  } catch (const ValueError& e) {
    throw ValueError(fmt::format("target: {}", e.what()));
  }
}

}  // namespace attune::tune
