#include "attune/tune/storages/internal/optuna_text.h"

#include <cmath>
#include <ctime>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/json.h"

namespace attune::tune::optuna {
namespace {

// To Optuna a paused trial is running.
constexpr const char* kStates[] = {"WAITING", "RUNNING", "RUNNING", "COMPLETE", "PRUNED", "FAIL"};

std::string integer_text(double value) { return fmt::format("{}", static_cast<int64_t>(value)); }

double number_in(const json::Value& attributes, const char* key, double otherwise) {
  const json::Value* value = attributes.find(key);
  return value && !value->scalar().is_null() ? value->scalar().as_double() : otherwise;
}

double number_in(const json::Value& attributes, const char* key) {
  const json::Value* value = attributes.find(key);
  if (!value) throw ValueError(fmt::format("'{}' is missing", key));
  return value->scalar().as_double();
}

}  // namespace

const char* state_label(State state) { return kStates[static_cast<size_t>(state)]; }

State state_of(std::string_view label) {
  for (size_t i = 0; i < std::size(kStates); ++i) {
    if (label == kStates[i]) return static_cast<State>(i);
  }
  throw StorageError(fmt::format("storage: '{}' is no trial state", label));
}

const char* direction_label(Direction direction) {
  return direction == Direction::maximize ? "MAXIMIZE" : "MINIMIZE";
}

Direction direction_of(std::string_view label) {
  if (label == "MAXIMIZE") return Direction::maximize;
  if (label == "MINIMIZE" || label == "NOT_SET") return Direction::minimize;
  throw StorageError(fmt::format("storage: '{}' is no direction", label));
}

std::string time_text(double seconds) {
  auto micros = static_cast<int64_t>(std::llround(seconds * 1e6));
  const auto whole = static_cast<std::time_t>(micros / 1'000'000);
  micros %= 1'000'000;
  std::tm t{};
  gmtime_r(&whole, &t);
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}.{:06}", t.tm_year + 1900, t.tm_mon + 1,
                     t.tm_mday, t.tm_hour, t.tm_min, t.tm_sec, micros);
}

double time_of(std::string_view text) {
  const auto digits = [&](size_t at, size_t count) {
    int value = 0;
    for (size_t i = at; i < at + count; ++i) {
      if (i >= text.size() || text[i] < '0' || text[i] > '9') {
        throw StorageError(fmt::format("storage: '{}' is no time", text));
      }
      value = 10 * value + (text[i] - '0');
    }
    return value;
  };
  std::tm t{};
  t.tm_year = digits(0, 4) - 1900, t.tm_mon = digits(5, 2) - 1, t.tm_mday = digits(8, 2);
  t.tm_hour = digits(11, 2), t.tm_min = digits(14, 2), t.tm_sec = digits(17, 2);
  const auto seconds = static_cast<double>(timegm(&t));
  if (text.size() <= 20) return seconds;
  const size_t count = std::min<size_t>(text.size() - 20, 6);
  return seconds + digits(20, count) * std::pow(10.0, -static_cast<double>(count));
}

std::string distribution_text(const Param& p) {
  const char* log = p.log ? "true" : "false";
  if (p.kind == Param::Kind::categorical) {
    std::string choices;
    for (const ParamValue& c : p.choices) choices += (choices.empty() ? "" : ", ") + json::text(c);
    return R"({"name": "CategoricalDistribution", "attributes": {"choices": [)" + choices + "]}}";
  }
  const double high = p.step > 0 && !p.log ? last_step(p.low, p.high, p.step) : p.high;
  if (p.kind == Param::Kind::integer) {
    return fmt::format(
        R"({{"name": "IntDistribution", "attributes": {{"log": {}, "step": {}, "low": {}, "high": {}}}}})",
        log, integer_text(p.step), integer_text(p.low), integer_text(high));
  }
  return fmt::format(
      R"({{"name": "FloatDistribution", "attributes": {{"step": {}, "low": {}, "high": {}, "log": {}}}}})",
      p.step > 0 ? json::number(p.step) : "null", json::number(p.low), json::number(high), log);
}

Param distribution_of(std::string_view name, std::string_view text) {
  try {
    const json::Value document = json::parse(text);
    const json::Value* type = document.find("type");  // the abbreviated form has no frame
    if (!type) type = document.find("name");
    if (!type) throw ValueError("'name' is missing");
    const std::string kind = type->scalar().as_string();
    const json::Value* framed = document.find("attributes");
    const json::Value& attributes = framed ? *framed : document;

    Param p{.name = std::string(name)};
    if (kind == "CategoricalDistribution" || kind == "categorical") {
      p.kind = Param::Kind::categorical;
      const json::Value* choices = attributes.find("choices");
      if (!choices) throw ValueError("'choices' is missing");
      for (const json::Value& c : choices->list()) p.choices.push_back(c.scalar());
      p.high = static_cast<double>(p.choices.size()) - 1;
      return p;
    }
    p.low = number_in(attributes, "low"), p.high = number_in(attributes, "high");
    if (const json::Value* log = attributes.find("log")) p.log = log->scalar().as_bool();
    if (kind.starts_with("Log") || kind.starts_with("IntLog")) p.log = true;
    if (kind.starts_with("Int") || kind == "int") {
      p.kind = Param::Kind::integer;
      p.step = number_in(attributes, "step", 1);
    } else if (kind == "DiscreteUniformDistribution") {
      p.step = number_in(attributes, "q");
    } else if (kind == "FloatDistribution" || kind == "float" || kind == "UniformDistribution" ||
               kind == "LogUniformDistribution") {
      p.step = number_in(attributes, "step", 0);
    } else {
      throw ValueError("'" + kind + "' is not known");
    }
    return p;
  } catch (const Error& e) {
    throw StorageError(
        fmt::format("storage: the range of param '{}' cannot be read: {}", name, e.what()));
  }
}

}  // namespace attune::tune::optuna
