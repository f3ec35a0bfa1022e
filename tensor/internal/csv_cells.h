#pragma once
// The cells of delimited text (RFC 4180, and as found in the wild), found once and left where they
// stand. Eight bytes a cell: a table of a gigabyte needs little more than its own text.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace attune::internal {

// A text file's bytes. IoError for a file that is no text: one with a zero byte, or with a line of
// more than 64 MB. Both are noticed while reading, so that /dev/zero or a disk image ends at once.
std::string read_text(const std::string& path);

// Without spaces and tabs around it.
std::string_view trimmed(std::string_view cell);

// The number that all of the cell is, spaces around it aside; the same in every locale. One beyond
// a double is infinite.
std::optional<double> parse_number(std::string_view cell);

class CsvCells {
 public:
  // `source` names the text in messages. A delimiter of 0 is looked for: whichever of tab, ; and ,
  // splits the first rows alike. Lines end in LF, CRLF or CR; empty lines and a byte-order mark are
  // skipped. IoError, with the line, for an open quote, text after a closing one, or a cell of
  // 8 MB; IoError when there is no row.
  CsvCells(std::string source, std::string text, char delimiter);

  const std::string& source() const { return source_; }
  char delimiter() const { return delimiter_; }
  size_t rows() const { return rows_.size(); }
  size_t width(size_t row) const {
    return (row + 1 < rows_.size() ? rows_[row + 1].first : cells_.size()) - rows_[row].first;
  }
  int64_t line(size_t row) const { return rows_[row].line; }  // where it begins, from 1
  // IoError, with the line, unless all rows from `first` on have so many cells.
  void check_width(size_t width, size_t first) const;

  // Without the quotes around it, and with one quote where two stand for one.
  std::string_view at(size_t row, size_t column) const {
    const uint64_t cell = cells_[rows_[row].first + column];
    const std::string& from = (cell & kUnescaped) != 0 ? unescaped_ : text_;
    return {from.data() + (cell >> kLengthBits >> 1), cell >> 1 & kLongest};
  }
  // The row's bytes as they stand in the text, without the line end.
  std::string_view row_text(size_t row) const {
    return std::string_view(text_).substr(rows_[row].begin, rows_[row].end - rows_[row].begin);
  }
  const std::string& text() const { return text_; }
  size_t begin() const { return begin_; }  // of the text, after a byte-order mark
  // The row that holds the byte; rows() if it lies behind them all.
  size_t row_of(size_t byte) const;

 private:
  // A cell is its offset, 23 bits of length, and whether it lies in unescaped_ rather than in
  // text_.
  static constexpr int kLengthBits = 23;
  static constexpr uint64_t kLongest = (uint64_t{1} << kLengthBits) - 1, kUnescaped = 1;

  struct Row {
    size_t first;       // in cells_
    size_t begin, end;  // in text_
    int64_t line;
  };

  void split();
  const char* quoted(const char* at, int64_t& line);
  void add(const std::string& from, size_t offset, size_t length, int64_t line);

  std::string source_, text_, unescaped_;
  char delimiter_;
  size_t begin_ = 0;
  std::vector<uint64_t> cells_;
  std::vector<Row> rows_;
};

}  // namespace attune::internal
