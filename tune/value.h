#pragma once
// What a parameter can be set to, and a trial's parameters by name. A value keeps its kind: 1, 1.0,
// true and "1" are four different things, in memory and in a storage.

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

namespace attune::tune {

// One value: nothing, a truth value, an integer, a number or a string.
class ParamValue {
 public:
  using Variant = std::variant<std::monostate, bool, int64_t, double, std::string>;

  ParamValue() = default;
  ParamValue(std::nullptr_t) {}
  ParamValue(const char* text) : value_(std::string(text)) {}
  ParamValue(std::string_view text) : value_(std::string(text)) {}
  ParamValue(std::string text) : value_(std::move(text)) {}
  template <typename T>  // ValueError for an integer that does not fit int64_t
  requires std::is_arithmetic_v<T> ParamValue(T value) {
    if constexpr (std::is_same_v<T, bool>) {
      value_ = value;
    } else if constexpr (std::is_integral_v<T>) {
      if (!std::in_range<int64_t>(widened(value))) throw_too_large(static_cast<uint64_t>(value));
      value_ = static_cast<int64_t>(value);
    } else {
      value_ = static_cast<double>(value);
    }
  }

  const Variant& variant() const { return value_; }
  bool is_null() const { return std::holds_alternative<std::monostate>(value_); }

  // Each throws ValueError when the value is of another kind. An integer converts to a number, and
  // a whole number to an integer.
  double as_double() const;
  int64_t as_int() const;
  bool as_bool() const;
  const std::string& as_string() const;

  // double lr = params.at("lr"); std::string act = params.at("act");
  template <typename T>
  requires(std::is_arithmetic_v<T> || std::is_same_v<T, std::string>) operator T() const {
    if constexpr (std::is_same_v<T, bool>) {
      return as_bool();
    } else if constexpr (std::is_integral_v<T>) {
      const int64_t value = as_int();
      if (!std::in_range<T>(value)) throw_out_of_range(value);
      return static_cast<T>(value);
    } else if constexpr (std::is_floating_point_v<T>) {
      return static_cast<T>(as_double());
    } else {
      return as_string();
    }
  }

  std::string to_string() const;  // for people: relu, 0.001, true, null

  // An integer equals the same number as a double; otherwise kinds must agree.
  friend bool operator==(const ParamValue& a, const ParamValue& b);
  template <typename T>
  requires(std::is_arithmetic_v<T> || std::is_convertible_v<T, std::string_view>) friend bool
  operator==(const ParamValue& a, const T& b) {
    return a == ParamValue(b);
  }

 private:
  // std::in_range takes no character types, which are arithmetic too.
  template <typename T>
  static constexpr auto widened(T value) {
    if constexpr (std::is_signed_v<T>) {
      return static_cast<int64_t>(value);
    } else {
      return static_cast<uint64_t>(value);
    }
  }

  [[noreturn]] static void throw_out_of_range(int64_t value);
  [[noreturn]] static void throw_too_large(uint64_t value);
  Variant value_;
};

// A trial's parameters, in the order they were chosen.
class Params {
 public:
  using Entry = std::pair<std::string, ParamValue>;

  Params() = default;
  Params(std::initializer_list<Entry> entries);

  const ParamValue& at(std::string_view name) const;  // ValueError, listing the names there are
  const ParamValue* find(std::string_view name) const;
  bool contains(std::string_view name) const { return find(name) != nullptr; }
  template <typename T>
  T get(std::string_view name, T otherwise) const {
    const ParamValue* value = find(name);
    return value ? static_cast<T>(*value) : std::move(otherwise);
  }
  void set(std::string_view name, ParamValue value);

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }
  auto begin() const { return entries_.begin(); }
  auto end() const { return entries_.end(); }
  std::string to_string() const;  // lr = 0.001, act = relu

  bool operator==(const Params&) const = default;

 private:
  std::vector<Entry> entries_;
};

}  // namespace attune::tune
