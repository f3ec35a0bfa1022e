#pragma once
// A table as its file has it: names, and cells that are texts. How a cell is to be understood is
// decided elsewhere (column_format.h), so that predicting can repeat it and can return the user's
// own cells byte for byte.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "attune/tensor/io/csv.h"

namespace attune::internal {
class CsvCells;
}

namespace attune::tune {

enum class Encoding : uint8_t { utf8, latin1 };  // latin1: as Windows writes it (Windows-1252)

struct SheetOptions {
  char delimiter = 0;  // 0: whichever of tab, ; and , splits the first rows alike
  // automatic: the first row is names if one of its cells is among `expected`; else unless one of
  // its cells is a number, or all are empty.
  CsvHeader header = CsvHeader::automatic;
  std::vector<std::string> expected = {};
  Encoding encoding = Encoding::utf8;
  char decimal = 0;  // the sign before decimals, , or .; 0: as each column looks
};

class Sheet {
 public:
  // IoError, with the file, line and column, for what is no table: see read_csv, and bytes that are
  // not UTF-8. A header that is one name shorter than the rows, as R writes it, lacks the first.
  static Sheet read(const std::string& path, const SheetOptions& options = {});
  static Sheet parse(std::string text, const SheetOptions& options = {},
                     std::string source = "table");

  const std::string& source() const;  // the file's path
  int64_t rows() const { return rows_; }
  size_t columns() const { return names_.size(); }
  // A column without a name is "column3"; the second x is "x.1", as pandas calls it.
  const std::vector<std::string>& names() const { return names_; }
  bool named(size_t column) const { return named_[column]; }
  bool has_header() const { return has_header_; }
  bool renamed(size_t column) const { return renamed_[column]; }  // another had its name before

  // Without quotes, and without spaces around it. Lives as long as a copy of the Sheet.
  std::string_view cell(int64_t row, size_t column) const;

  std::optional<size_t> find(std::string_view name) const;
  // ValueError, with the nearest name, when there is no such column, or when several have the name.
  size_t index_of(std::string_view name) const;

  int64_t line(int64_t row) const;                      // of the file, from 1
  std::string place(int64_t row, size_t column) const;  // "people.csv: line 7, column 'age'"

  // The bytes of the file, for writing the rows again with more cells.
  char delimiter() const;
  std::string_view row_text(int64_t row) const;  // in UTF-8, without the line end
  std::string_view header_text() const;          // likewise; empty if there is none
  std::string_view byte_order_mark() const;      // empty if there is none
  std::string_view line_end() const;             // what ends the first row; "\n" if nothing does
  Encoding encoding() const { return encoding_; }
  char decimal() const { return decimal_; }  // of the options
  // Whether an earlier column of the file has this name and a later one has it too.
  bool shared(size_t column) const { return shared_[column]; }
  uint64_t hash() const;  // of all bytes and of how they are cut into cells

 private:
  Sheet() = default;
  void check_utf8() const;
  bool first_row_is_names(const SheetOptions& options) const;
  void name_columns(size_t width, bool shifted);

  std::shared_ptr<const attune::internal::CsvCells> cells_;
  std::vector<std::string> names_;
  std::vector<bool> named_, renamed_, shared_;  // shared_: a later column has its name too
  std::unordered_map<std::string, size_t> places_;
  size_t first_row_ = 0;
  int64_t rows_ = 0;
  bool has_header_ = false;
  Encoding encoding_ = Encoding::utf8;
  char decimal_ = 0;
};

}  // namespace attune::tune
