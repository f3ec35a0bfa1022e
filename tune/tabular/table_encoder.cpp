#include "attune/tune/tabular/table_encoder.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <set>
#include <unordered_map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune {
namespace {

constexpr double kFarthest = 10;  // deviations
constexpr double kYear = 365.2425;

// A point on the circle, as two inputs: where in the week, the year or the day it is.
template <class Put>
void put_cycle(Put put, size_t i, size_t at, double turns) {
  const double angle = 2 * std::numbers::pi * (turns - std::floor(turns));
  put(i, at, std::sin(angle));
  put(i, at + 1, std::cos(angle));
}

// Whether the days of the given rows differ in what `phase` says of them.
template <class Phase>
bool differs(const Column& column, std::span<const int64_t> rows, Phase phase) {
  std::set<int64_t> seen;
  for (const int64_t row : rows) {
    const double day = column.numbers[static_cast<size_t>(row)];
    if (!std::isnan(day)) seen.insert(phase(day));
    if (seen.size() > 1) return true;
  }
  return false;
}

}  // namespace

size_t TableEncoder::Part::inputs() const {
  if (format.kind == ColumnKind::category) return categories.size();
  return size_t{1} + indicator + 2 * (size_t{weekday} + season + clock);
}

template <class Put>
void TableEncoder::Part::each(const Column& column, std::span<const int64_t> rows, Put put) const {
  if (format.kind == ColumnKind::category) {
    // From the codes of this table to the inputs; -1: another category.
    std::unordered_map<std::string_view, int32_t> index;
    for (size_t k = 0; k < categories.size(); ++k) index[categories[k]] = static_cast<int32_t>(k);
    const auto input_of = [&](std::string_view text) {
      const auto found = index.find(text);
      return found == index.end() ? -1 : found->second;
    };
    std::vector<int32_t> inputs;
    inputs.reserve(column.texts.size());
    for (const std::string_view text : column.texts) inputs.push_back(input_of(text));
    const int32_t missing = input_of("");
    for (size_t i = 0; i < rows.size(); ++i) {
      const int32_t code = column.codes[static_cast<size_t>(rows[i])];
      const int32_t input = code < 0 ? missing : inputs[static_cast<size_t>(code)];
      if (input >= 0) put(i, static_cast<size_t>(input), 1.0);
    }
    return;
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    const double value = column.numbers[static_cast<size_t>(rows[i])];
    if (indicator) put(i, 1, std::isnan(value) ? 1.0 : 0.0);
    if (std::isnan(value)) continue;
    put(i, 0, value);
    size_t at = size_t{1} + indicator;
    const auto cycle = [&](bool wanted, double turns) {
      if (!wanted) return;
      put_cycle(put, i, at, turns);
      at += 2;
    };
    cycle(weekday, std::floor(value) / 7);
    cycle(season, value / kYear);
    cycle(clock, value);
  }
}

std::optional<TableEncoder::Part> TableEncoder::part_of(const Column& column,
                                                        std::span<const int64_t> rows,
                                                        std::string& reason) {
  Part part{.format = column.format};
  if (column.format.kind == ColumnKind::category) {
    std::vector<int64_t> counts(column.texts.size());
    int64_t missing = 0, covered = 0, different = 0;
    for (const int64_t row : rows) {
      const int32_t code = column.codes[static_cast<size_t>(row)];
      ++(code < 0 ? missing : counts[static_cast<size_t>(code)]);
    }
    std::vector<std::pair<int64_t, std::string_view>> order;
    for (size_t code = 0; code < counts.size(); ++code) {
      different += counts[code] > 0;
      if (counts[code] >= kLeastCategory) order.emplace_back(-counts[code], column.texts[code]);
    }
    if (missing >= kLeastCategory) order.emplace_back(-missing, "");
    std::ranges::sort(order);
    if (order.size() > kMaxCategories) order.resize(kMaxCategories);
    for (const auto& [count, text] : order) {
      part.categories.emplace_back(text);
      covered -= count;
    }
    const auto all = std::ssize(rows);
    if (different + (missing > 0) < 2) {
      reason = "it has one value in the training rows";
    } else if (order.empty() || (different > std::ssize(part.categories) && 10 * covered < all)) {
      reason = fmt::format("{} different texts in {} rows hardly repeat", different, all);
    }
    if (!reason.empty()) return {};
    return part;
  }
  double low = std::numeric_limits<double>::infinity(), high = -low;
  int64_t missing = 0;
  for (const int64_t row : rows) {
    const double value = column.numbers[static_cast<size_t>(row)];
    if (std::isnan(value)) {
      ++missing;
    } else {
      low = std::min(low, value);
      high = std::max(high, value);
    }
  }
  part.indicator = missing >= kLeastMissing && missing < std::ssize(rows);
  if (missing == std::ssize(rows)) {
    reason = "all of it is missing";
  } else if (low == high && !part.indicator) {
    reason = "it has one value in the training rows";
  }
  if (!reason.empty()) return {};
  if (column.format.kind == ColumnKind::date) {
    part.weekday = high - low >= 14 && differs(column, rows, [](double day) {
                     return static_cast<int64_t>(std::floor(day)) % 7;
                   });
    part.season = high - low >= kYear;
    part.clock = differs(column, rows, [](double day) {
      return static_cast<int64_t>(std::floor((day - std::floor(day)) * 86400));
    });
  }
  return part;
}

// Means and deviations of the part's inputs. Sums are of differences from the first value, and
// squares in units of the largest difference: neither loses digits nor overflows.
void TableEncoder::measure(const Part& part, const Column& column, std::span<const int64_t> rows) {
  const size_t width = part.inputs();
  const bool category = part.format.kind == ColumnKind::category;
  std::vector<double> origin(width), sum(width), largest(width), squares(width);
  std::vector<int64_t> count(width);
  part.each(column, rows, [&](size_t, size_t k, double value) {
    if (count[k]++ == 0 && !category) origin[k] = value;
    sum[k] += value - origin[k];
  });
  std::vector<double> mean(width);
  for (size_t k = 0; k < width; ++k) {
    if (category) count[k] = std::ssize(rows);
    mean[k] = count[k] > 0 ? origin[k] + sum[k] / static_cast<double>(count[k]) : 0;
    if (!std::isfinite(mean[k])) mean[k] = 0;
  }
  part.each(column, rows, [&](size_t, size_t k, double value) {
    largest[k] = std::max(largest[k], std::abs(value - mean[k]));
  });
  part.each(column, rows, [&](size_t, size_t k, double value) {
    const double share = largest[k] > 0 ? (value - mean[k]) / largest[k] : 0;
    squares[k] += share * share;
  });
  for (size_t k = 0; k < width; ++k) {
    double deviation = 0;
    if (category) {
      deviation = std::sqrt(mean[k] * (1 - mean[k]));
    } else if (count[k] > 0) {
      deviation = largest[k] * std::sqrt(squares[k] / static_cast<double>(count[k]));
    }
    if (!(deviation > 0)) deviation = 1;
    mean_.push_back(mean[k]);
    deviation_.push_back(std::min(deviation, std::numeric_limits<double>::max()));
  }
}

TableEncoder TableEncoder::fit(const TypedTable& table, std::span<const int64_t> rows,
                               const std::vector<std::string>& missing) {
  TableEncoder encoder;
  encoder.left_out_ = table.left_out;
  encoder.missing_ = missing;
  encoder.has_header_ = table.sheet.has_header();
  for (const Column& column : table.columns) {
    std::string reason;
    std::optional<Part> part = part_of(column, rows, reason);
    if (part) {
      encoder.measure(*part, column, rows);
      encoder.parts_.push_back(std::move(*part));
    } else {
      encoder.left_out_.push_back({column.format.name, std::move(reason)});
    }
  }
  if (encoder.parts_.empty()) {
    std::string reasons;
    for (size_t i = 0; i < std::min<size_t>(6, encoder.left_out_.size()); ++i) {
      const LeftOut& left = encoder.left_out_[i];
      reasons += fmt::format("{}{} ({})", i > 0 ? ", " : ": ", in_quotes(left.name), left.reason);
    }
    throw ValueError(fmt::format("{}: no column is left to learn from{}",
                                 shown_path(table.sheet.source()), reasons));
  }
  return encoder;
}

TypedTable TableEncoder::read(const Sheet& sheet, const std::vector<std::string>& missing) const {
  std::vector<std::string> all = missing_;
  all.insert(all.end(), missing.begin(), missing.end());
  return read_columns(sheet, formats(), MissingTexts(all));
}

std::vector<ColumnFormat> TableEncoder::formats() const {
  std::vector<ColumnFormat> formats;
  for (const Part& part : parts_) formats.push_back(part.format);
  return formats;
}

std::vector<std::string> TableEncoder::names() const {
  std::vector<std::string> names;
  for (const Part& part : parts_) names.push_back(part.format.name);
  return names;
}

Tensor TableEncoder::encode(const TypedTable& table) const {
  std::vector<int64_t> all(static_cast<size_t>(table.sheet.rows()));
  std::iota(all.begin(), all.end(), 0);
  return encode(table, all);
}

Tensor TableEncoder::encode(const TypedTable& table, std::span<const int64_t> rows) const {
  std::unordered_map<std::string_view, const Column*> columns;
  for (const Column& column : table.columns) columns[column.format.name] = &column;
  const auto width = static_cast<size_t>(inputs());
  std::vector<float> inputs(rows.size() * width, 0.f);
  const auto scaled = [&](size_t input, double value) {
    const double z = (value - mean_[input]) / deviation_[input];
    return static_cast<float>(std::clamp(z, -kFarthest, kFarthest));
  };
  size_t first = 0;  // the part's first input
  for (const Part& part : parts_) {
    const size_t count = part.inputs();
    if (part.format.kind == ColumnKind::category) {
      for (size_t k = 0; k < count; ++k) {
        const float none = scaled(first + k, 0);
        for (size_t i = 0; i < rows.size(); ++i) inputs[i * width + first + k] = none;
      }
    }
    const auto found = columns.find(part.format.name);
    if (found == columns.end()) {
      throw ValueError(fmt::format("{}: no column {}", shown_path(table.sheet.source()),
                                   in_quotes(part.format.name)));
    }
    part.each(*found->second, rows, [&](size_t i, size_t k, double value) {
      inputs[i * width + first + k] = scaled(first + k, value);
    });
    first += count;
  }
  return Tensor::from(inputs, {static_cast<int64_t>(rows.size()), static_cast<int64_t>(width)});
}

std::vector<std::string> TableEncoder::remarks(const TypedTable& table) const {
  std::vector<std::string> remarks = remarks_on_strays(table);
  int64_t empty = 0, first_empty = -1;  // rows of which nothing is known
  for (int64_t row = 0; row < table.sheet.rows(); ++row) {
    const auto i = static_cast<size_t>(row);
    const bool known = std::ranges::any_of(table.columns, [&](const Column& column) {
      return column.format.kind == ColumnKind::category ? column.codes[i] >= 0
                                                        : !std::isnan(column.numbers[i]);
    });
    if (!known && empty++ == 0) first_empty = row;
  }
  if (empty > 0) {
    remarks.push_back(fmt::format(
        "{}: line {}: every cell that the model reads is missing ({} row{} like it); what "
        "it says there is a guess",
        shown_path(table.sheet.source()), table.sheet.line(first_empty), empty,
        empty == 1 ? "" : "s"));
  }
  for (size_t i = 0; i < parts_.size() && i < table.columns.size(); ++i) {
    const Column& column = table.columns[i];
    if (column.format.kind != ColumnKind::category) continue;
    const std::set<std::string_view> known(parts_[i].categories.begin(),
                                           parts_[i].categories.end());
    std::vector<bool> unknown;
    for (const std::string_view text : column.texts) unknown.push_back(!known.contains(text));
    int64_t cells = 0, first = -1;
    for (size_t row = 0; row < column.codes.size(); ++row) {
      const int32_t code = column.codes[row];
      if (code < 0 || !unknown[static_cast<size_t>(code)]) continue;
      if (cells++ == 0) first = static_cast<int64_t>(row);
    }
    if (cells == 0) continue;
    const size_t at = *table.sheet.find(column.format.name);
    remarks.push_back(fmt::format("{}: {} is no category that the model knows ({} cell{} like it)",
                                  table.sheet.place(first, at),
                                  in_quotes(table.sheet.cell(first, at)), cells,
                                  cells == 1 ? "" : "s"));
  }
  return remarks;
}

}  // namespace attune::tune
