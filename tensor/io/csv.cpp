#include "attune/tensor/io/csv.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/file.h"

namespace attune {
namespace {

struct Row {
  size_t first, cells;  // in Cells::all
  int64_t line;         // where it begins, from 1
};

struct Cells {
  std::vector<std::string_view> all;  // into the text
  std::vector<Row> rows;

  std::string_view at(const Row& row, size_t column) const { return all[row.first + column]; }
};

// Splits the text into rows of cells, which are views of it. Quoted cells are unquoted in place,
// since they only shrink.
class Splitter {
 public:
  Splitter(const std::string& path, std::string& text, size_t begin, char delimiter)
      : path_(path),
        at_(text.data() + begin),
        end_(text.data() + text.size()),
        delimiter_(delimiter) {}

  Cells split() {
    while (at_ < end_) {
      if (line_end(*at_)) {
        skip_line_end();
        continue;
      }
      Row row{cells_.all.size(), 0, line_};
      for (bool more = true; more; ++row.cells) more = cell();
      cells_.rows.push_back(row);
    }
    return std::move(cells_);
  }

 private:
  static bool line_end(char c) { return c == '\n' || c == '\r'; }

  void skip_line_end() {
    const bool both = *at_ == '\r' && at_ + 1 < end_ && at_[1] == '\n';
    at_ += both ? 2 : 1;
    ++line_;
  }

  // Reads a cell and the character that ends it. Returns whether the row has another cell.
  bool cell() {
    cells_.all.push_back(at_ < end_ && *at_ == '"' ? quoted() : plain());
    if (at_ < end_ && *at_ == delimiter_) {
      ++at_;
      return true;
    }
    if (at_ < end_) skip_line_end();
    return false;
  }

  std::string_view plain() {
    const char* from = at_;
    while (at_ < end_ && *at_ != delimiter_ && !line_end(*at_)) ++at_;
    return {from, static_cast<size_t>(at_ - from)};
  }

  std::string_view quoted() {
    const int64_t opened = line_;
    char* const from = ++at_;
    char* to = from;
    for (;;) {
      check<IoError>(at_ < end_, "{}: line {}: a quote is opened and never closed", path_, opened);
      if (*at_ == '"') {
        if (at_ + 1 == end_ || at_[1] != '"') break;
        ++at_;  // two stand for one
      } else if (*at_ == '\n' || (*at_ == '\r' && (at_ + 1 == end_ || at_[1] != '\n'))) {
        ++line_;
      }
      *to++ = *at_++;
    }
    ++at_;
    while (at_ < end_ && *at_ == ' ' && delimiter_ != ' ') ++at_;
    check<IoError>(at_ == end_ || *at_ == delimiter_ || line_end(*at_),
                   "{}: line {}: text follows a closing quote; a quote inside a quoted cell is "
                   "written twice",
                   path_, line_);
    return {from, static_cast<size_t>(to - from)};
  }

  const std::string& path_;
  char* at_;
  char* end_;
  char delimiter_;
  int64_t line_ = 1;
  Cells cells_;
};

// The delimiter that splits each of the first rows into the same number of cells, or of several the
// one that yields most cells; failing that, the most frequent one in the first row.
char sniff(const std::string& text, size_t begin) {
  constexpr std::string_view kCandidates = ",;\t";
  constexpr size_t kRows = 20;
  char best = ',', likely = ',';
  int64_t most = 0, most_in_first = 0;
  for (const char candidate : kCandidates) {
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
        count = 0, width = 0;
      } else {
        count += c == candidate;
        ++width;
      }
    }
    if (alike && first > most) most = first, best = candidate;
    if (first > most_in_first) most_in_first = first, likely = candidate;
  }
  return most > 0 ? best : likely;
}

std::string_view trimmed(std::string_view cell) {
  const size_t begin = cell.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return cell.substr(begin, cell.find_last_not_of(" \t") - begin + 1);
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

std::optional<double> number_of(std::string_view cell) {
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

class Builder {
 public:
  Builder(const std::string& path, const CsvOptions& options, Cells cells)
      : path_(path), options_(options), cells_(std::move(cells)) {}

  Table build() {
    const bool header = has_header();
    const Row& first = cells_.rows[0];
    for (const Row& row : cells_.rows) {
      check<IoError>(
          row.cells == first.cells,
          "{}: line {}: {} cells where the first row has {}; if the delimiter is another, "
          "name it",
          path_, row.line, row.cells, first.cells);
    }
    Table table;
    std::unordered_map<std::string, size_t> places;  // of the names
    const size_t begin = header ? 1 : 0;
    table.rows = static_cast<int64_t>(cells_.rows.size() - begin);
    for (size_t column = 0; column < first.cells; ++column) {
      std::string name(header ? trimmed(cells_.at(first, column)) : std::string_view());
      if (name.empty()) name = fmt::format("column{}", column + 1);
      const auto [same, is_new] = places.emplace(name, column);
      if (!is_new) {
        fail<IoError>("{}: line {}: columns {} and {} are both named \"{}\"", path_, first.line,
                      same->second + 1, column + 1, name);
      }
      table.names.push_back(std::move(name));
      table.columns.push_back(column_of(column, begin));
    }
    return table;
  }

 private:
  bool missing(std::string_view cell) const {
    const std::string_view text = trimmed(cell);
    return text.empty() || std::ranges::find(options_.missing, text) != options_.missing.end();
  }

  bool has_header() const {
    if (options_.header != CsvHeader::automatic) return options_.header == CsvHeader::yes;
    const Row& row = cells_.rows[0];
    bool named = false;
    for (size_t i = 0; i < row.cells; ++i) {
      if (number_of(cells_.at(row, i))) return false;
      named = named || !missing(cells_.at(row, i));
    }
    return named;
  }

  CsvColumn column_of(size_t column, size_t begin) const {
    std::vector<double> numbers;
    numbers.reserve(cells_.rows.size() - begin);
    for (size_t i = begin; i < cells_.rows.size(); ++i) {
      const std::string_view cell = cells_.at(cells_.rows[i], column);
      if (missing(cell)) {
        numbers.push_back(std::numeric_limits<double>::quiet_NaN());
      } else if (const std::optional<double> number = number_of(cell)) {
        numbers.push_back(*number);
      } else {
        return texts_of(column, begin);
      }
    }
    return numbers;
  }

  std::vector<std::string> texts_of(size_t column, size_t begin) const {
    std::vector<std::string> texts;
    texts.reserve(cells_.rows.size() - begin);
    for (size_t i = begin; i < cells_.rows.size(); ++i) {
      const std::string_view cell = cells_.at(cells_.rows[i], column);
      texts.emplace_back(missing(cell) ? std::string_view() : cell);
    }
    return texts;
  }

  const std::string& path_;
  const CsvOptions& options_;
  Cells cells_;
};

}  // namespace

size_t Table::index_of(const std::string& name) const {
  const auto at = std::ranges::find(names, name);
  check<ValueError>(at != names.end(), "table: no column is named \"{}\"; there are: {}", name,
                    fmt::join(names, ", "));
  return static_cast<size_t>(at - names.begin());
}

Tensor Table::to_tensor(const std::vector<std::string>& of, DType dtype) const {
  check<ShapeError>(names.size() == columns.size(), "table: {} names for {} columns", names.size(),
                    columns.size());
  std::vector<size_t> chosen;
  for (const std::string& name : of.empty() ? names : of) chosen.push_back(index_of(name));
  const auto width = static_cast<int64_t>(chosen.size());
  Tensor y = Tensor::empty({rows, width}, dtype);
  internal::dispatch_floating("table", dtype, [&]<class T>() {
    for (size_t i = 0; i < chosen.size(); ++i) {
      check<DTypeError>(is_number(chosen[i]),
                        "table: column \"{}\" is text; turn it into numbers, or leave it out",
                        names[chosen[i]]);
      const auto& numbers = std::get<std::vector<double>>(columns[chosen[i]]);
      check<ShapeError>(std::ssize(numbers) == rows, "table: column \"{}\" has {} rows, not {}",
                        names[chosen[i]], numbers.size(), rows);
      T* to = internal::elements<T>(y) + i;
      for (const double x : numbers) {
        *to = static_cast<T>(x);
        if (std::isinf(*to) && !std::isinf(x)) {
          fail<DTypeError>("table: column \"{}\" holds {}, which {} does not; ask for f64",
                           names[chosen[i]], x, dtype);
        }
        to += width;
      }
    }
  });
  return y;
}

namespace {

Table read(const std::string& path, const CsvOptions& options) {
  std::string text = internal::read_file(path);
  const size_t binary = text.find('\0');
  check<IoError>(binary == std::string::npos,
                 "{}: not a text file: byte {} is 0; if it is UTF-16, save it as UTF-8", path,
                 binary);
  const size_t begin = text.starts_with("\xEF\xBB\xBF") ? 3 : 0;
  check<ValueError>(
      options.delimiter != '"' && options.delimiter != '\n' && options.delimiter != '\r',
      "read_csv: the delimiter cannot be a quote or a line end");
  const char delimiter = options.delimiter != 0 ? options.delimiter : sniff(text, begin);
  Cells cells = Splitter(path, text, begin, delimiter).split();
  check<IoError>(!cells.rows.empty(), "{}: the file is empty", path);
  return Builder(path, options, std::move(cells)).build();
}

}  // namespace

Table read_csv(const std::string& path, const CsvOptions& options) {
  return guard_memory(path.c_str(), [&] { return read(path, options); });
}

}  // namespace attune
