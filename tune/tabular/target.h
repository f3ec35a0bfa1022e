#pragma once
// The column that is to be predicted: classes or numbers, and how they become what a network
// learns.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tensor/io/csv.h"
#include "attune/tensor/tensor.h"

namespace attune::tune {

enum class Task : uint8_t { classification, regression };
std::string_view name_of(Task task);  // classification, regression

class Target {
 public:
  // Looks at the whole column. Without a task: text, and whole numbers with few distinct values,
  // are classes; other columns are numbers. ValueError, naming the nearest column, when there is
  // none of that name; also for text among numbers (with its row), one class only, all numbers
  // equal, or about as many classes as rows.
  static Target find(const Table& table, std::string_view column, std::optional<Task> task = {});

  const std::string& column() const { return column_; }
  Task task() const { return task_; }
  const std::vector<std::string>& classes() const { return classes_; }  // sorted; empty for numbers
  int64_t outputs() const;  // of a network: one per class, or 1

  // Classes: their indices, i64 [rows]. Numbers: as they are, f64 [rows]. ValueError for a missing
  // value or an unknown class.
  Tensor encode(const Table& table, const std::vector<int64_t>& rows) const;

  // The rows of the table where the target is known.
  static std::vector<int64_t> known_rows(const Table& table, std::string_view column);

  std::string to_json() const;
  static Target from_json(std::string_view text);  // ValueError

 private:
  std::string column_;
  Task task_ = Task::classification;
  std::vector<std::string> classes_;
};

// The table's column of that name. ValueError otherwise, with the nearest name there is.
size_t column_index(const Table& table, std::string_view name);

}  // namespace attune::tune
