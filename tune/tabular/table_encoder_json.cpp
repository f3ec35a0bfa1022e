// The encoder as a document in the model file.

#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/tabular/table_encoder.h"

namespace attune::tune {
namespace {

std::string list(const std::vector<std::string>& texts) {
  std::string all = "[";
  for (const std::string& text : texts) all += (all.size() > 1 ? "," : "") + json::quote(text);
  return all + "]";
}

// A member, which must be there.
const json::Value& member(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  if (value == nullptr) throw ValueError(fmt::format("it has no {}", in_quotes(key)));
  return *value;
}

std::string text_of(const json::Value& value, std::string_view key) {
  return member(value, key).scalar().as_string();
}

bool flag(const json::Value& object, std::string_view key) {
  const json::Value* value = object.find(key);
  return value != nullptr && value->scalar().as_bool();
}

std::vector<std::string> texts(const json::Value& value) {
  std::vector<std::string> all;
  for (const json::Value& item : value.list()) all.push_back(item.scalar().as_string());
  return all;
}

char character(const json::Value& object, std::string_view key, char otherwise) {
  const json::Value* value = object.find(key);
  if (value == nullptr) return otherwise;
  const std::string text = value->scalar().as_string();
  return text.empty() ? '\0' : text[0];
}

ColumnFormat format_of(const json::Value& column) {
  ColumnFormat format{.name = text_of(column, "name")};
  const std::string kind = text_of(column, "kind");
  if (kind == "category" || kind == "text") {  // text: version 1
    format.kind = ColumnKind::category;
  } else if (kind == "boolean") {
    format.kind = ColumnKind::boolean;
  } else if (kind == "date") {
    format.kind = ColumnKind::date;
    const std::optional<DateOrder> order = date_order_named(text_of(column, "order"));
    if (!order) throw ValueError(fmt::format("column {}: unknown order", in_quotes(format.name)));
    format.date = *order;
  } else if (kind != "number") {
    throw ValueError(fmt::format("column {}: unknown kind", in_quotes(format.name)));
  }
  if (column.find("decimal") != nullptr) {
    format.number = {.decimal = character(column, "decimal", '.'),
                     .thousands = character(column, "thousands", '\0'),
                     .unit = text_of(column, "unit"),
                     .percent = flag(column, "percent"),
                     .plain = false};
  }
  return format;
}

}  // namespace

std::string TableEncoder::to_json() const {
  std::string columns, left;
  for (const Part& part : parts_) {
    columns += fmt::format("{}{{{}", columns.empty() ? "" : ",", part.format.to_json());
    if (part.format.kind == ColumnKind::category) {
      columns += fmt::format(",\"values\":{}", list(part.categories));
    }
    const auto add = [&](const char* name, bool set) {
      if (set) columns += fmt::format(",\"{}\":true", name);
    };
    add("indicator", part.indicator);
    add("weekday", part.weekday);
    add("season", part.season);
    add("clock", part.clock);
    columns += '}';
  }
  for (const LeftOut& column : left_out_) {
    left += fmt::format("{}{{\"name\":{},\"reason\":{}}}", left.empty() ? "" : ",",
                        json::quote(column.name), json::quote(column.reason));
  }
  return fmt::format("{{\"columns\":[{}],\"left_out\":[{}],\"missing\":{},\"header\":{}}}", columns,
                     left, list(missing_), has_header_);
}

TableEncoder TableEncoder::from_json(std::string_view text) {
  try {
    const json::Value document = json::parse(text);
    TableEncoder encoder;
    size_t inputs = 0;
    for (const json::Value& column : member(document, "columns").list()) {
      Part part{.format = format_of(column),
                .indicator = flag(column, "indicator"),
                .weekday = flag(column, "weekday"),
                .season = flag(column, "season"),
                .clock = flag(column, "clock")};
      if (part.format.kind == ColumnKind::category) {
        part.categories = texts(member(column, "values"));
      }
      inputs += part.inputs();
      encoder.parts_.push_back(std::move(part));
    }
    if (inputs == 0) throw ValueError("it has no columns");
    if (const json::Value* left_out = document.find("left_out")) {
      for (const json::Value& column : left_out->list()) {
        encoder.left_out_.push_back({text_of(column, "name"), text_of(column, "reason")});
      }
    }
    if (const json::Value* missing = document.find("missing")) encoder.missing_ = texts(*missing);
    if (const json::Value* header = document.find("header")) {
      encoder.has_header_ = header->scalar().as_bool();
    }
    encoder.mean_.assign(inputs, 0);
    encoder.deviation_.assign(inputs, 1);
    return encoder;
  } catch (const ValueError& e) {
    throw ValueError(fmt::format("table encoder: {}", e.what()));
  }
}

void TableEncoder::set_scale(std::vector<double> mean, std::vector<double> deviation) {
  if (mean.size() != mean_.size() || deviation.size() != mean_.size()) {
    throw ValueError(fmt::format("table encoder: {} means and {} deviations for {} inputs",
                                 mean.size(), deviation.size(), mean_.size()));
  }
  for (size_t i = 0; i < mean.size(); ++i) {
    if (!std::isfinite(mean[i]) || !(deviation[i] > 0)) {
      throw ValueError(fmt::format("table encoder: input {} has mean {} and deviation {}", i,
                                   mean[i], deviation[i]));
    }
  }
  mean_ = std::move(mean);
  deviation_ = std::move(deviation);
}

}  // namespace attune::tune
