#pragma once
// From a table's columns to a network's inputs. Numbers stay numbers, missing ones become the
// column's mean; a text column becomes one input per frequent value. What is learned here, it
// learns from the training rows alone.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tensor/io/csv.h"
#include "attune/tensor/tensor.h"

namespace attune::tune {

class TableEncoder {
 public:
  // Text columns keep this many values, the most frequent; rows with another one have 0 everywhere.
  static constexpr size_t kMaxCategories = 32;

  // Every column but `target`, as it is in the given rows. A column without two different values
  // there is dropped. ValueError when none is left.
  static TableEncoder fit(const Table& table, std::span<const int64_t> rows,
                          std::string_view target);

  // f32 [rows, inputs()], not yet of one scale. Columns are found by name and may be in any order;
  // others are not looked at. ValueError names a column that is missing, or that holds text (with
  // its row) where numbers were learned.
  Tensor encode(const Table& table, std::span<const int64_t> rows) const;
  Tensor encode(const Table& table) const;  // all rows

  int64_t inputs() const;
  const std::vector<std::string>& dropped() const { return dropped_; }  // constant columns

  std::string to_json() const;
  static TableEncoder from_json(std::string_view text);  // ValueError

 private:
  struct Column {
    std::string name;
    bool text = false;
    double fill = 0;                           // numbers: in place of a missing one
    std::vector<std::string> categories = {};  // text: most frequent first; "" is the missing value
  };

  std::vector<Column> columns_;
  std::vector<std::string> dropped_;
};

}  // namespace attune::tune
