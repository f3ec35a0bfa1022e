#pragma once
// Small argument types of the tensor methods: scalars, axes, slices.

#include <array>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <limits>
#include <optional>
#include <type_traits>

#include "attune/tensor/shape.h"

namespace attune {

// A C++ number as an operand. It takes the dtype of the tensor beside it and so never widens one:
// a floating tensor rounds it, an integer tensor refuses what it cannot hold, such as a fraction
// (DTypeError). Arithmetic has no booleans: a boolean tensor becomes i64 beside an integer and f32
// beside a fraction, as in PyTorch.
class Scalar {
 public:
  template <class T>
  requires std::is_arithmetic_v<T>
  constexpr Scalar(T value)  // NOLINT(google-explicit-constructor): x * 2 must work
      : value_(static_cast<double>(value)), integral_(fits_int64(value)) {
    if (integral_) integer_ = static_cast<int64_t>(value);
  }

  constexpr double value() const { return value_; }
  // Of an integer type, and at most 2^63 - 1: a larger one is only a value(), which no integer
  // tensor can hold.
  constexpr bool is_integral() const { return integral_; }
  constexpr int64_t integer() const { return integer_; }  // only if is_integral()

 private:
  template <class T>
  static constexpr bool fits_int64(T value) {
    if constexpr (std::is_unsigned_v<T> && sizeof(T) == sizeof(int64_t)) {
      return value <= static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
    } else {
      return std::is_integral_v<T>;
    }
  }

  double value_;
  int64_t integer_ = 0;
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

// Elements begin, begin + step, … before end, as in Python: negative positions count from the end,
// positions beyond the ends are clipped. step may be negative, but not 0.
struct Slice {
  std::optional<int64_t> begin{};
  std::optional<int64_t> end{};
  int64_t step = 1;
};

struct NewAxis {};   // x[{new_axis, 0}]
struct Ellipsis {};  // x[{ellipsis, 0}]: all axes in between
inline constexpr NewAxis new_axis{};
inline constexpr Ellipsis ellipsis{};

// A size, or a distance, along the height and the width of an image: {.stride = 2}, {{3, 5}}.
struct Extent2 {
  constexpr Extent2(int64_t both) : height(both), width(both) {}  // NOLINT
  constexpr Extent2(int64_t high, int64_t wide) : height(high), width(wide) {}
  int64_t height, width;
  friend bool operator==(const Extent2&, const Extent2&) = default;
};

// Of a convolution. Padding is zeros on either side; dilation 2 skips every other element; each
// group of input channels makes its own share of the output channels. conv1d uses the widths.
struct ConvOptions {
  Extent2 stride = 1, padding = 0, dilation = 1;
  int64_t groups = 1;
};
struct ConvTransposeOptions {
  Extent2 stride = 1, padding = 0, dilation = 1;
  Extent2 output_padding = 0;  // more rows and columns at the end; less than the stride
  int64_t groups = 1;
};
// Of pooling. A stride of 0 is the size of the window. Padding is at most half of it; the largest
// element is never of the padding, and the mean counts it unless told otherwise. 1d uses the
// widths.
struct PoolOptions {
  Extent2 stride = 0, padding = 0;
  bool count_padding = true;
};
struct WindowOptions {  // of unfold and fold
  Extent2 stride = 1, padding = 0, dilation = 1;
};

enum class Interpolation : uint8_t { nearest, bilinear };

}  // namespace attune
