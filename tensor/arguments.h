#pragma once
// Small argument types of the tensor methods: scalars, axes, slices.

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <type_traits>
#include <variant>

#include "attune/tensor/shape.h"

namespace attune {

// A C++ number beside a tensor. It never changes the tensor's dtype: a fraction beside an integer
// tensor is a DTypeError, not a rounded number.
class Scalar {
 public:
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr Scalar(T value)  // NOLINT(google-explicit-constructor): x * 2 must work
      : value_(static_cast<double>(value)),
        integer_(std::is_integral_v<T> ? static_cast<int64_t>(value) : 0),
        integral_(std::is_integral_v<T>) {}

  constexpr double value() const { return value_; }
  constexpr bool is_integral() const { return integral_; }
  constexpr int64_t integer() const { return integer_; }  // only if is_integral()

 private:
  double value_;
  int64_t integer_;
  bool integral_;
};

// The axes an op works along: one, several, or (by default) all. Negative ones count from the end.
class Axes {
 public:
  constexpr Axes() = default;                                             // all
  constexpr Axes(int axis) : all_(false), count_(1) { axes_[0] = axis; }  // NOLINT
  constexpr Axes(std::initializer_list<int> axes) : all_(false) {
    for (const int axis : axes) {
      if (count_ < kMaxRank) axes_[static_cast<size_t>(count_)] = axis;
      ++count_;  // too many are refused by the op, which can name itself
    }
  }

  static constexpr Axes none() { return Axes(std::initializer_list<int>{}); }

  constexpr void push_back(int axis) {
    if (count_ < kMaxRank) axes_[static_cast<size_t>(count_)] = axis;
    ++count_;
  }

  constexpr bool all() const { return all_; }
  constexpr int count() const { return count_; }
  constexpr int operator[](int i) const { return axes_[static_cast<size_t>(i)]; }

 private:
  bool all_ = true;
  int count_ = 0;
  std::array<int, kMaxRank> axes_{};
};

// x.sum({0}, keep_dims): a reduced axis stays, with size 1.
struct KeepDims {
  bool value = false;
};
inline constexpr KeepDims keep_dims{true};

// Elements begin, begin + step, … below end, as in Python: negative positions count from the end,
// positions beyond the ends are cut. step may be negative, not 0.
struct Slice {
  std::optional<int64_t> begin{};
  std::optional<int64_t> end{};
  int64_t step = 1;
};

struct NewAxis {};   // x[{new_axis, 0}]
struct Ellipsis {};  // x[{ellipsis, 0}]: all axes in between
inline constexpr NewAxis new_axis{};
inline constexpr Ellipsis ellipsis{};

// One place between the brackets of x[{0, Slice{1, -1}, ellipsis}].
class Index {
 public:
  template <std::integral T>
  Index(T position) : value_(static_cast<int64_t>(position)) {}  // NOLINT
  Index(Slice slice) : value_(slice) {}                          // NOLINT
  Index(NewAxis axis) : value_(axis) {}                          // NOLINT
  Index(Ellipsis rest) : value_(rest) {}                         // NOLINT

  const std::variant<int64_t, Slice, NewAxis, Ellipsis>& value() const { return value_; }

 private:
  std::variant<int64_t, Slice, NewAxis, Ellipsis> value_;
};

}  // namespace attune
