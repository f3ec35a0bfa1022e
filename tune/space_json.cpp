#include "attune/tune/space_json.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/json.h"

namespace attune::tune {
namespace {

// What to say of a number that was given as a text, as YAML and shells hand over 1e-4.
std::string without_quotes(const ParamValue& given) {
  const auto* text = std::get_if<std::string>(&given.variant());
  const std::optional<double> number = text ? json::number_in(*text) : std::nullopt;
  if (!number) return "";
  return fmt::format(" (a text); write {} without the quotes", printable(*text));
}

// One parameter's object; every complaint names the parameter.
class Declaration {
 public:
  Declaration(std::string_view name, const json::Value& value) : name_(name), value_(value) {
    if (!std::holds_alternative<json::Object>(value.it)) fail("it must be an object with a type");
    constexpr std::array kKeys = {"type", "low",     "high",  "log",     "step",
                                  "when", "choices", "prior", "default", "frozen"};
    for (const auto& [key, unused] : value.object()) {
      if (std::find(kKeys.begin(), kKeys.end(), key) == kKeys.end()) {
        fail(
            fmt::format("unknown key {}; there are type, low, high, log, step, choices, when, "
                        "prior, default, frozen",
                        in_quotes(key)));
      }
    }
  }

  Param param() const {
    const ParamValue type = scalar("type");
    Param p;
    if (type == "float") {
      p = real();
    } else if (type == "int") {
      p = integer();
    } else if (type == "categorical") {
      p = categorical();
    } else {
      fail(fmt::format("type {}; it must be float, int or categorical", json::shown(type)));
    }
    if (value_.find("when")) add_conditions(p);
    if (value_.find("prior")) p = with_prior(p);
    if (value_.find("default")) p = p.starting_at(scalar("default"));
    return p;
  }

  const ParamValue* frozen() const { return value_.find("frozen") ? &scalar("frozen") : nullptr; }

 private:
  [[noreturn]] void fail(std::string_view what) const {
    throw SearchSpaceError(fmt::format("param {}: {}", in_quotes(name_), what));
  }

  const ParamValue& scalar(std::string_view key) const {
    const json::Value* found = value_.find(key);
    if (!found) fail(fmt::format("no '{}' is given", key));
    if (const ParamValue* one = json::single(*found)) return *one;
    fail(fmt::format("'{}' must be a single value, not {}", key, json::shown(*found)));
  }

  double number(std::string_view key) const {
    try {
      return scalar(key).as_double();
    } catch (const ValueError&) {
      fail(fmt::format("'{}' must be a number, not {}{}", key, json::shown(scalar(key)),
                       without_quotes(scalar(key))));
    }
  }

  int64_t whole(std::string_view key) const {
    try {
      return scalar(key).as_int();
    } catch (const ValueError&) {
      fail(fmt::format("'{}' must be a whole number, not {}{}", key, json::shown(scalar(key)),
                       without_quotes(scalar(key))));
    }
  }

  bool log() const {
    if (!value_.find("log")) return false;
    try {
      return scalar("log").as_bool();
    } catch (const ValueError&) {
      fail(fmt::format("'log' must be true or false, not {}", json::shown(scalar("log"))));
    }
  }

  bool has_step() const { return value_.find("step") && !scalar("step").is_null(); }

  void refuse(std::string_view key, std::string_view type) const {
    if (value_.find(key)) fail(fmt::format("'{}' means nothing for type {}", key, type));
  }

  Param real() const {
    refuse("choices", "float");
    const double low = number("low"), high = number("high");
    if (log() && has_step()) fail("log and step exclude each other");
    if (log()) return log_range(low, high);
    return has_step() ? stepped_range(low, high, number("step")) : range(low, high);
  }

  Param integer() const {
    refuse("choices", "int");
    const int64_t low = whole("low"), high = whole("high"), step = has_step() ? whole("step") : 1;
    if (log() && step != 1) fail("log and step exclude each other");
    return log() ? log_int_range(low, high) : int_range(low, high, step);
  }

  Param categorical() const {
    for (const char* key : {"low", "high", "log", "step"}) refuse(key, "categorical");
    const json::Value* choices = value_.find("choices");
    if (!choices || std::holds_alternative<json::Object>(choices->it)) {
      fail("'choices' must be a list of values");
    }
    if (const auto* one = std::get_if<ParamValue>(&choices->it)) return choice({*one});
    return choice(scalars(choices->list(), "choices"));
  }

  std::vector<ParamValue> scalars(const json::List& list, std::string_view key) const {
    std::vector<ParamValue> all;
    for (const json::Value& one : list) {
      const ParamValue* value = json::single(one);
      if (!value) fail(fmt::format("'{}' may hold numbers, strings and truth values only", key));
      all.push_back(*value);
    }
    return all;
  }

  // A mean and a deviation for a range, a weight for each choice.
  Param with_prior(const Param& p) const {
    const json::Value& given = *value_.find("prior");
    if (!std::holds_alternative<json::List>(given.it)) fail("'prior' must be a list of numbers");
    std::vector<double> numbers;
    for (const ParamValue& one : scalars(given.list(), "prior")) {
      try {
        numbers.push_back(one.as_double());
      } catch (const ValueError&) {
        fail(fmt::format("'prior' must hold numbers, not {}{}", json::shown(one),
                         without_quotes(one)));
      }
    }
    if (p.kind == Param::Kind::categorical) return p.prior(numbers);
    if (numbers.size() != 2) fail("'prior' must be [mean, deviation]");
    return p.prior(numbers[0], numbers[1]);
  }

  void add_conditions(Param& p) const {
    const json::Value& when = *value_.find("when");
    if (!std::holds_alternative<json::Object>(when.it)) {
      fail("'when' must be an object from another parameter's name to its value");
    }
    for (const auto& [parent, value] : when.object()) {
      if (const auto* list = std::get_if<json::List>(&value.it)) {
        p = p.when_any(parent, scalars(*list, "when"));
      } else if (const auto* one = std::get_if<ParamValue>(&value.it)) {
        p = p.when(parent, *one);
      } else {
        fail(fmt::format("'when' must name a value or a list of values of {}", in_quotes(parent)));
      }
    }
  }

  std::string_view name_;
  const json::Value& value_;
};

}  // namespace

Space space_from_json(std::string_view text) {
  json::Value document;
  try {
    constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
    if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
    document = json::parse(text);
  } catch (const ValueError& e) {
    throw SearchSpaceError(fmt::format("space: {}", e.what()));
  }
  if (!std::holds_alternative<json::Object>(document.it) || document.object().empty()) {
    throw SearchSpaceError(
        "space: it must be a JSON object from name to range, and hold at least one");
  }
  std::vector<NamedParam> params;
  std::vector<std::pair<std::string, ParamValue>> frozen;
  for (const auto& [name, value] : document.object()) {
    const Declaration declaration(name, value);
    params.push_back({name, declaration.param()});
    if (const ParamValue* held = declaration.frozen()) frozen.emplace_back(name, *held);
  }
  Space space(std::move(params));
  for (const auto& [name, value] : frozen) space.freeze(name, value);
  return space;
}

}  // namespace attune::tune
