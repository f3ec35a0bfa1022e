#pragma once
// From a table's columns to a network's inputs, on one scale. A number is one input, and a second
// one says where it is missing; a date is its day, and its weekday, season and time of day where
// they differ; a category is one input per frequent value. What is learned here is learned from the
// training rows alone, and all of it is computed in double, so that neither 1.7e18 nanoseconds nor
// a price of a billion lose their last digits.

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tensor/tensor.h"
#include "attune/tune/tabular/typed_table.h"

namespace attune::tune {

class TableEncoder {
 public:
  // Categories that are inputs, the most frequent; rows with another one have 0 in all of them.
  static constexpr size_t kMaxCategories = 32;
  // A category of fewer rows is none, and missing numbers of fewer rows get no input.
  static constexpr int64_t kLeastCategory = 2, kLeastMissing = 5;

  // The columns as they are in the given rows. One that has a single value there is left out, as is
  // one of texts that hardly repeat. ValueError, with the reasons, when none is left.
  static TableEncoder fit(const TypedTable& table, std::span<const int64_t> rows,
                          const std::vector<std::string>& missing = {});

  // The columns that encode() needs, read as they were read in the table of fit(); `missing` names
  // further texts that mean "not known". ValueError as read_columns().
  TypedTable read(const Sheet& sheet, const std::vector<std::string>& missing = {}) const;

  // f32 [rows, inputs()], each input with mean 0 and deviation 1 in the rows of fit(), and within
  // +-10, so that a value far from all that was learned from cannot drown the others.
  Tensor encode(const TypedTable& table, std::span<const int64_t> rows) const;
  Tensor encode(const TypedTable& table) const;  // all rows

  int64_t inputs() const { return static_cast<int64_t>(mean_.size()); }
  std::vector<ColumnFormat> formats() const;
  const std::vector<LeftOut>& left_out() const { return left_out_; }
  bool has_header() const { return has_header_; }  // of the table of fit()
  std::vector<std::string> names() const;
  // What a user should hear of the cells of a table that read() has read: those taken as missing,
  // and categories that fit() has not seen.
  std::vector<std::string> remarks(const TypedTable& table) const;

  // Saved apart from the rest, as tensors.
  const std::vector<double>& mean() const { return mean_; }
  const std::vector<double>& deviation() const { return deviation_; }
  void set_scale(std::vector<double> mean, std::vector<double> deviation);  // ValueError

  std::string to_json() const;
  // Reads what to_json() writes, and what version 1 of the model file had. ValueError.
  static TableEncoder from_json(std::string_view text);

 private:
  struct Part {
    ColumnFormat format;
    bool indicator = false;  // an input that is 1 where the cell is missing
    bool weekday = false, season = false, clock = false;  // of dates: two inputs each
    std::vector<std::string> categories = {};  // most frequent first; "" is the missing value

    size_t inputs() const;
    // Calls put(i, input, value) for the rows' inputs, the column's first being 0. Inputs that are
    // not put are the mean (numbers and dates) or 0 (categories).
    template <class Put>
    void each(const Column& column, std::span<const int64_t> rows, Put put) const;
  };

  static std::optional<Part> part_of(const Column& column, std::span<const int64_t> rows,
                                     std::string& reason);
  void measure(const Part& part, const Column& column, std::span<const int64_t> rows);

  std::vector<Part> parts_;
  std::vector<LeftOut> left_out_;
  std::vector<std::string> missing_;
  std::vector<double> mean_, deviation_;  // by input
  bool has_header_ = true;
};

}  // namespace attune::tune
