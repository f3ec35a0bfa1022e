#include "attune/tensor/io/csv.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/csv_cells.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/base/internal/text.h"

namespace attune {
namespace {

class Builder {
 public:
  Builder(const CsvOptions& options, internal::CsvCells cells)
      : options_(options), cells_(std::move(cells)) {}

  Table build() {
    const bool header = has_header();
    const size_t width = cells_.width(0);
    cells_.check_width(width, 1);
    Table table;
    std::unordered_map<std::string, size_t> places;  // of the names
    const size_t begin = header ? 1 : 0;
    table.rows = static_cast<int64_t>(cells_.rows() - begin);
    for (size_t column = 0; column < width; ++column) {
      std::string name(header ? internal::trimmed(cells_.at(0, column)) : std::string_view());
      if (name.empty()) name = fmt::format("column{}", column + 1);
      const auto [same, is_new] = places.emplace(name, column);
      if (!is_new) {
        fail<IoError>("{}: line {}: columns {} and {} are both named {}",
                      shown_path(cells_.source()), cells_.line(0), same->second + 1, column + 1,
                      in_quotes(name));
      }
      table.names.push_back(std::move(name));
      table.columns.push_back(column_of(column, begin));
    }
    return table;
  }

 private:
  bool missing(std::string_view cell) const {
    const std::string_view text = internal::trimmed(cell);
    return text.empty() || std::ranges::find(options_.missing, text) != options_.missing.end();
  }

  bool has_header() const {
    if (options_.header != CsvHeader::automatic) return options_.header == CsvHeader::yes;
    bool named = false;
    for (size_t i = 0; i < cells_.width(0); ++i) {
      if (internal::parse_number(cells_.at(0, i))) return false;
      named = named || !missing(cells_.at(0, i));
    }
    return named;
  }

  CsvColumn column_of(size_t column, size_t begin) const {
    std::vector<double> numbers;
    numbers.reserve(cells_.rows() - begin);
    for (size_t i = begin; i < cells_.rows(); ++i) {
      const std::string_view cell = cells_.at(i, column);
      if (missing(cell)) {
        numbers.push_back(std::numeric_limits<double>::quiet_NaN());
      } else if (const std::optional<double> number = internal::parse_number(cell)) {
        numbers.push_back(*number);
      } else {
        return texts_of(column, begin);
      }
    }
    return numbers;
  }

  std::vector<std::string> texts_of(size_t column, size_t begin) const {
    std::vector<std::string> texts;
    texts.reserve(cells_.rows() - begin);
    for (size_t i = begin; i < cells_.rows(); ++i) {
      const std::string_view cell = cells_.at(i, column);
      texts.emplace_back(missing(cell) ? std::string_view() : cell);
    }
    return texts;
  }

  const CsvOptions& options_;
  internal::CsvCells cells_;
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

Table read_csv(const std::string& path, const CsvOptions& options) {
  return guard_memory(path.c_str(), [&] {
    return Builder(options, internal::CsvCells(path, internal::read_text(path), options.delimiter))
        .build();
  });
}

}  // namespace attune
