#include "attune/tune/tabular/table_encoder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/tabular/target.h"
#include "tune/tabular/internal/cells.h"

namespace attune::tune {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

}  // namespace

TableEncoder TableEncoder::fit(const Table& table, std::span<const int64_t> rows,
                               std::string_view target) {
  TableEncoder encoder;
  for (size_t c = 0; c < table.names.size(); ++c) {
    if (table.names[c] == target) continue;
    Column column{.name = table.names[c]};
    size_t distinct = 0;
    if (const std::vector<double>* numbers = cells::numbers(table, c)) {
      double sum = 0, low = kInfinity, high = -kInfinity;
      int64_t known = 0;
      for (const int64_t row : rows) {
        const double value = (*numbers)[static_cast<size_t>(row)];
        if (!std::isfinite(value)) continue;
        sum += value, ++known;
        low = std::min(low, value), high = std::max(high, value);
      }
      if (known > 0) column.fill = sum / static_cast<double>(known);
      distinct = low < high ? 2 : 1;
    } else {
      column.text = true;
      std::map<std::string, int64_t> counts;
      for (const int64_t row : rows) ++counts[cells::text(table, c, row)];
      distinct = counts.size();
      std::vector<std::pair<int64_t, std::string>> order;
      for (const auto& [text, count] : counts) order.emplace_back(-count, text);
      std::sort(order.begin(), order.end());
      if (order.size() > kMaxCategories) order.resize(kMaxCategories);
      for (auto& [count, text] : order) column.categories.push_back(std::move(text));
      // Almost every row a text of its own: a name or a number in disguise, which teaches nothing.
      if (2 * distinct > rows.size() && distinct > kMaxCategories) distinct = 1;
    }
    if (distinct < 2) {
      encoder.dropped_.push_back(column.name);
    } else {
      encoder.columns_.push_back(std::move(column));
    }
  }
  if (encoder.columns_.empty()) {
    throw ValueError(fmt::format(
        "no column but the target '{}' holds two different values; there is nothing to learn from",
        target));
  }
  return encoder;
}

int64_t TableEncoder::inputs() const {
  return std::accumulate(columns_.begin(), columns_.end(), int64_t{0},
                         [](int64_t sum, const Column& c) {
                           return sum + (c.text ? static_cast<int64_t>(c.categories.size()) : 1);
                         });
}

Tensor TableEncoder::encode(const Table& table) const {
  std::vector<int64_t> all(static_cast<size_t>(table.rows));
  std::iota(all.begin(), all.end(), 0);
  return encode(table, all);
}

Tensor TableEncoder::encode(const Table& table, std::span<const int64_t> rows) const {
  const auto width = static_cast<size_t>(inputs());
  std::vector<float> inputs(rows.size() * width, 0.f);
  size_t at = 0;  // the column's first input
  for (const Column& column : columns_) {
    const size_t c = column_index(table, column.name);
    if (!column.text) {
      const std::vector<double>* numbers = cells::numbers(table, c);
      for (size_t i = 0; i < rows.size(); ++i) {
        double value = column.fill;
        if (!cells::missing(table, c, rows[i])) {
          // A column with a text somewhere is read as texts: numbers may be found in it still.
          const std::optional<double> known =
              numbers ? (*numbers)[static_cast<size_t>(rows[i])]
                      : cells::parse_number(cells::text(table, c, rows[i]));
          if (!known) {
            throw ValueError(fmt::format("column '{}', data row {}: '{}' is not a number",
                                         column.name, rows[i] + 1, cells::text(table, c, rows[i])));
          }
          if (std::isfinite(*known)) value = *known;
        }
        inputs[i * width + at] = static_cast<float>(value);
      }
      ++at;
      continue;
    }
    std::map<std::string, size_t, std::less<>> index;
    for (size_t k = 0; k < column.categories.size(); ++k) index[column.categories[k]] = k;
    const bool knows_missing = index.contains("");
    for (size_t i = 0; i < rows.size(); ++i) {
      const auto found = index.find(cells::text(table, c, rows[i]));
      if (found != index.end()) {
        inputs[i * width + at + found->second] = 1.f;
      } else if (cells::missing(table, c, rows[i]) && !knows_missing) {
        inputs[i * width + at] = 1.f;  // the most frequent value stands in
      }
    }
    at += column.categories.size();
  }
  return Tensor::from(inputs, {static_cast<int64_t>(rows.size()), static_cast<int64_t>(width)});
}

std::string TableEncoder::to_json() const {
  Document columns = Document::array();
  for (const Column& c : columns_) {
    if (c.text) {
      columns.push_back(Document{{"name", c.name}, {"kind", "text"}, {"values", c.categories}});
    } else {
      columns.push_back(Document{{"name", c.name}, {"kind", "number"}, {"missing", c.fill}});
    }
  }
  return Document{{"columns", columns}, {"dropped", dropped_}}.dump();
}

TableEncoder TableEncoder::from_json(std::string_view text) {
  try {
    const Document json = Document::parse(text);
    TableEncoder encoder;
    for (const Document& c : json.at("columns").items()) {
      Column column{.name = c.at("name").as<std::string>()};
      column.text = c.at("kind").as<std::string>() == "text";
      if (column.text) {
        column.categories = c.at("values").as<std::vector<std::string>>();
      } else {
        column.fill = c.at("missing").as<double>();
      }
      encoder.columns_.push_back(std::move(column));
    }
    encoder.dropped_ = json.at("dropped").as<std::vector<std::string>>();
    if (encoder.columns_.empty()) throw ValueError("no columns");
    return encoder;
  } catch (const ValueError& e) {
    throw ValueError(fmt::format("table encoder: {}", e.what()));
  }
}

}  // namespace attune::tune
