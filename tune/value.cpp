#include "attune/tune/value.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune {
namespace {

[[noreturn]] void wrong_kind(const ParamValue& value, std::string_view wanted) {
  constexpr const char* kKinds[] = {"null", "a truth value", "an integer", "a number", "a string"};
  throw ValueError(fmt::format("param: the value {} is {}, not {}", printable(value.to_string()),
                               kKinds[value.variant().index()], wanted));
}

}  // namespace

double ParamValue::as_double() const {
  if (const auto* v = std::get_if<double>(&value_)) return *v;
  if (const auto* v = std::get_if<int64_t>(&value_)) return static_cast<double>(*v);
  wrong_kind(*this, "a number");
}

int64_t ParamValue::as_int() const {
  if (const auto* v = std::get_if<int64_t>(&value_)) return *v;
  const auto* v = std::get_if<double>(&value_);
  if (v && std::abs(*v) < 0x1p63 && *v == std::trunc(*v)) return static_cast<int64_t>(*v);
  wrong_kind(*this, "an integer");
}

bool ParamValue::as_bool() const {
  if (const auto* v = std::get_if<bool>(&value_)) return *v;
  wrong_kind(*this, "a truth value");
}

const std::string& ParamValue::as_string() const {
  if (const auto* v = std::get_if<std::string>(&value_)) return *v;
  wrong_kind(*this, "a string");
}

void ParamValue::throw_out_of_range(int64_t value) {
  throw ValueError(
      fmt::format("param: the value {} does not fit the integer type asked for", value));
}

void ParamValue::throw_too_large(uint64_t value) {
  throw ValueError(fmt::format("param: the value {} is too large; integers go up to {}", value,
                               std::numeric_limits<int64_t>::max()));
}

std::string ParamValue::to_string() const {
  struct Writer {
    std::string operator()(std::monostate) const { return "null"; }
    std::string operator()(bool v) const { return v ? "true" : "false"; }
    std::string operator()(int64_t v) const { return fmt::format("{}", v); }
    std::string operator()(double v) const { return fmt::format("{}", v); }
    std::string operator()(const std::string& v) const { return v; }
  };
  return std::visit(Writer(), value_);
}

bool operator==(const ParamValue& a, const ParamValue& b) {
  const auto number = [](const ParamValue& v, double& x) {
    if (const auto* d = std::get_if<double>(&v.value_)) return x = *d, true;
    if (const auto* i = std::get_if<int64_t>(&v.value_)) return x = static_cast<double>(*i), true;
    return false;
  };
  double x = 0, y = 0;
  if (a.value_.index() != b.value_.index() && number(a, x) && number(b, y)) return x == y;
  return a.value_ == b.value_;
}

Params::Params(std::initializer_list<Entry> entries) {
  for (const auto& [name, value] : entries) set(name, value);
}

const ParamValue* Params::find(std::string_view name) const {
  for (const auto& [key, value] : entries_) {
    if (key == name) return &value;
  }
  return nullptr;
}

const ParamValue& Params::at(std::string_view name) const {
  if (const ParamValue* value = find(name)) return *value;
  ListInQuotes names;
  for (const auto& [key, value] : entries_) names.add(key);
  throw ValueError(fmt::format("params: there is no {}; there is {}", in_quotes(name),
                               entries_.empty() ? "nothing" : names.text()));
}

void Params::set(std::string_view name, ParamValue value) {
  for (auto& [key, old] : entries_) {
    if (key == name) return void(old = std::move(value));
  }
  entries_.emplace_back(name, std::move(value));
}

std::string Params::to_string() const {
  std::string out;
  for (const auto& [name, value] : entries_) {
    out += (out.empty() ? "" : ", ") + name + " = " + value.to_string();
  }
  return out;
}

}  // namespace attune::tune
