#include "attune/tensor/internal/csv_cells.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "attune/tensor/internal/check.h"
#include "attune/base/internal/file.h"
#include "attune/base/internal/text.h"

namespace attune::internal {
namespace {

constexpr size_t kFirstRows = 1000;
constexpr size_t kLongestLine = size_t{64} << 20;

// The delimiter that splits each of the first rows into the same number of cells. Tab and ; come
// before the comma, which also stands in numbers. Failing that, the one that is most frequent in
// the first row.
char sniff(const std::string& text, size_t begin) {
  constexpr size_t kRows = 20;
  char likely = ',';
  int64_t most_in_first = 0;
  for (const char candidate : {'\t', ';', ','}) {
    int64_t first = -1, count = 0;
    size_t rows = 0, width = 0;
    bool alike = true, inside = false;
    for (size_t i = begin; i <= text.size() && rows < kRows; ++i) {
      const char c = i < text.size() ? text[i] : '\n';
      if (c == '"') inside = !inside;
      if (i < text.size() && inside) continue;
      if (c == '\n' || c == '\r') {
        if (width > 0) {
          if (first < 0) first = count;
          alike = alike && count == first;
          ++rows;
        }
        count = 0;
        width = 0;
      } else {
        count += c == candidate;
        ++width;
      }
    }
    if (alike && first > 0) return candidate;
    if (first > most_in_first) {
      most_in_first = first;
      likely = candidate;
    }
  }
  return likely;
}

bool is_line_end(char c) { return c == '\n' || c == '\r'; }

const char* skip_line_end(const char* at, int64_t& line) {
  ++line;
  return at + (at[0] == '\r' && at[1] == '\n' ? 2 : 1);  // a string ends in a zero
}

// Whether a number that no double holds is too small for one, rather than too large: by the power
// of ten of its first digit.
bool vanishes(std::string_view number) {
  const size_t e = std::min(number.find_first_of("eE"), number.size());
  const std::string_view digits = number.substr(0, e);
  const size_t point = std::min(digits.find('.'), digits.size());
  const size_t first = digits.find_first_of("123456789");
  std::string_view written = number.substr(std::min(e + 1, number.size()));
  if (written.starts_with('+')) written.remove_prefix(1);
  int64_t exponent = 0;
  const auto [end, error] =
      std::from_chars(written.data(), written.data() + written.size(), exponent);
  if (error == std::errc::result_out_of_range) return written.starts_with('-');
  return exponent < static_cast<int64_t>(first) - static_cast<int64_t>(point);
}

}  // namespace

std::string read_text(const std::string& path) {
  size_t line = 0;  // where the last one that was seen begins
  return read_file(path, [&](std::string_view bytes, size_t from) {
    const std::string_view fresh = bytes.substr(from);
    const size_t zero = fresh.find('\0');
    if (zero != std::string_view::npos) {
      fail<IoError>("{}: not a text file: byte {} is 0; if it is UTF-16, save it as UTF-8",
                    shown_path(path), from + zero);
    }
    for (size_t at = line; bytes.size() - at > kLongestLine; line = at) {
      const std::string_view most = bytes.substr(at, kLongestLine);
      size_t end = most.rfind('\n') + 1;  // npos + 1 is 0
      if (end == 0) end = most.rfind('\r') + 1;
      check<IoError>(end > 0, "{}: not a table: no line end within {} MB of byte {}",
                     shown_path(path), kLongestLine >> 20, at);
      at += end;
    }
  });
}

std::string_view trimmed(std::string_view cell) {
  const auto blank = [](char c) { return c == ' ' || c == '\t'; };
  while (!cell.empty() && blank(cell.front())) cell.remove_prefix(1);
  while (!cell.empty() && blank(cell.back())) cell.remove_suffix(1);
  return cell;
}

std::optional<double> parse_number(std::string_view cell) {
  cell = trimmed(cell);
  if (!cell.empty() && cell[0] == '+') {
    cell.remove_prefix(1);
    if (!cell.empty() && cell[0] == '-') return {};
  }
  double value = 0;
  const char* const end = cell.data() + cell.size();
  const auto [stop, error] = std::from_chars(cell.data(), end, value);
  if (stop != end || cell.empty()) return {};
  if (error == std::errc::result_out_of_range) {
    long double wide = 0;  // a denormal double may be reported so, too
    if (std::from_chars(cell.data(), end, wide).ec == std::errc()) return static_cast<double>(wide);
    const double size = vanishes(cell) ? 0 : std::numeric_limits<double>::infinity();
    return cell[0] == '-' ? -size : size;
  }
  if (error != std::errc()) return {};
  return value;
}

CsvCells::CsvCells(std::string source, std::string text, char delimiter)
    : source_(std::move(source)), text_(std::move(text)), delimiter_(delimiter) {
  check<ValueError>(delimiter_ != '"' && !is_line_end(delimiter_),
                    "read_csv: the delimiter cannot be a quote or a line end");
  begin_ = text_.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  if (delimiter_ == 0) delimiter_ = sniff(text_, begin_);
  split();
  check<IoError>(!rows_.empty(), "{}: the file is empty", shown_path(source_));
}

size_t CsvCells::row_of(size_t byte) const {
  const auto after =
      std::ranges::partition_point(rows_, [&](const Row& row) { return row.end <= byte; });
  return static_cast<size_t>(after - rows_.begin());
}

void CsvCells::split() {
  std::array<bool, 256> stops{};  // what ends a plain cell; the zero is the end of the text
  for (const char c : {'\0', '\n', '\r', delimiter_}) stops[static_cast<unsigned char>(c)] = true;
  const char* const begin = text_.data();
  const char* const end = begin + text_.size();
  const char* at = begin + begin_;
  int64_t line = 1;
  while (at < end) {
    if (is_line_end(*at)) {
      at = skip_line_end(at, line);
      continue;
    }
    Row row{cells_.size(), static_cast<size_t>(at - begin), 0, line};
    for (bool more = true; more;) {
      if (*at == '"') {
        at = quoted(at, line);
      } else {
        const char* const from = at;
        while (!stops[static_cast<unsigned char>(*at)]) ++at;
        const auto length = static_cast<size_t>(at - from);
        if (length > kLongest) add(text_, 0, length, line);  // which throws
        cells_.push_back(static_cast<size_t>(from - begin) << kLengthBits << 1 | length << 1);
      }
      more = at < end && *at == delimiter_;
      if (more) ++at;
    }
    row.end = static_cast<size_t>(at - begin);
    rows_.push_back(row);
    if (rows_.size() == kFirstRows) {  // the rest will be much like these
      const size_t times = text_.size() / (row.end - begin_ + 1) + 1;
      cells_.reserve(cells_.size() * times);
      rows_.reserve(rows_.size() * times);
    }
    if (at < end) at = skip_line_end(at, line);
  }
}

// Reads the quoted cell that begins at `at`, and returns where it ends.
const char* CsvCells::quoted(const char* at, int64_t& line) {
  const char* const end = text_.data() + text_.size();
  const int64_t opened = line;
  const char* from = ++at;  // of what is not yet in unescaped_
  const size_t copy = unescaped_.size();
  bool copied = false;
  for (;; ++at) {
    check<IoError>(at < end, "{}: line {}: a quote is opened and never closed", shown_path(source_),
                   opened);
    if (*at == '"') {
      if (at[1] != '"') break;
      ++at;  // two stand for one
      unescaped_.append(from, at);
      from = at + 1;
      copied = true;
    } else if (*at == '\n' || (*at == '\r' && at[1] != '\n')) {
      ++line;
    }
  }
  if (copied) {
    unescaped_.append(from, at);
    add(unescaped_, copy, unescaped_.size() - copy, opened);
  } else {
    add(text_, static_cast<size_t>(from - text_.data()), static_cast<size_t>(at - from), opened);
  }
  ++at;
  while (at < end && *at == ' ' && delimiter_ != ' ') ++at;
  check<IoError>(at == end || *at == delimiter_ || is_line_end(*at),
                 "{}: line {}: text follows a closing quote; a quote inside a quoted cell is "
                 "written twice",
                 shown_path(source_), line);
  return at;
}

void CsvCells::check_width(size_t columns, size_t first) const {
  size_t wrong = first;
  while (wrong < rows() && width(wrong) == columns) ++wrong;
  if (wrong >= rows()) return;
  const size_t other = width(wrong);
  size_t alike = 0;  // rows below the first that have as many cells as this one
  for (size_t row = 1; row < rows(); ++row) alike += width(row) == other;
  const auto cells = [](size_t count) {
    return count == 1 ? std::string("1 cell") : fmt::format("{} cells", count);
  };
  check<IoError>(
      alike < 2 || alike + 1 < rows(), "{}: line {}: {} where all rows below have {}; {}",
      shown_path(source_), line(0), cells(width(0)), other,
      width(0) < other ? "remove it if it is a title, or name the columns that it lacks"
                       : "remove the names that no column has, or a delimiter at its end");
  throw IoError(fmt::format(
      "{}: line {}: {} where the first row has {}; if the delimiter is another, name it",
      shown_path(source_), line(wrong), cells(other), columns));
}

void CsvCells::add(const std::string& from, size_t offset, size_t length, int64_t line) {
  check<IoError>(length <= kLongest, "{}: line {}: a cell of {} bytes; at most {} can be read",
                 shown_path(source_), line, length, kLongest);
  cells_.push_back(offset << kLengthBits << 1 | length << 1 | uint64_t{&from == &unescaped_});
}

}  // namespace attune::internal
