#pragma once
// The column that is to be predicted: classes or numbers, and how they become what a network
// learns. A class is its text, as it stands in the table: 007 is not 7.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tensor/tensor.h"
#include "attune/tune/tabular/typed_table.h"

namespace attune::tune {

enum class Task : uint8_t { classification, regression };
std::string_view name_of(Task task);  // classification, regression

class Target {
 public:
  // Looks at the whole column. Without a task: texts, and whole numbers with few distinct values,
  // are classes; other columns are numbers. ValueError, with the place, when there is no such
  // column; also for text among numbers, one class only, all numbers equal, or about as many
  // classes as rows.
  static Target find(const Sheet& sheet, std::string_view column, std::optional<Task> task = {},
                     const MissingTexts& missing = MissingTexts());

  const std::string& column() const { return column_; }
  Task task() const { return task_; }
  const std::vector<std::string>& classes() const { return classes_; }  // sorted; empty for numbers
  int64_t outputs() const;  // of a network: one per class, or 1

  // Of the table it was found in: the rows where it is known, and its values there, which are
  // indices of classes or numbers.
  const std::vector<int64_t>& rows() const { return rows_; }
  double value(int64_t row) const { return values_[static_cast<size_t>(row)]; }
  // Classes: i64 [rows]. Numbers: f64 [rows].
  Tensor encode(const std::vector<int64_t>& rows) const;
  std::vector<int64_t> class_counts() const;  // rows by class
  // How the numbers are written in the table; as the numbers, percents are counted in percent.
  const NumberForm& form() const { return reading_.format.number; }
  // Without rows: how the column was read. Of classes nothing is said.
  const Column* reading_of_numbers() const {
    return task_ == Task::regression ? &reading_ : nullptr;
  }
  // "15 classes, which are whole numbers; --task regression predicts them as numbers".
  std::string reading() const;

  std::string to_json() const;
  static Target from_json(std::string_view text);  // ValueError; without rows

 private:
  void take_numbers(const Sheet& sheet, size_t at, const Column& column,
                    const MissingTexts& missing);
  void take_classes(const Sheet& sheet, size_t at, const MissingTexts& missing);

  std::string column_;
  Task task_ = Task::classification;
  std::vector<std::string> classes_;
  std::vector<int64_t> rows_;
  std::vector<double> values_;  // by row of the table
  Column reading_;              // of numbers, without the cells
  bool whole_ = false;          // the classes are whole numbers
};

}  // namespace attune::tune
