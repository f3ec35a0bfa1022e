#pragma once
// The inner loops of the Parzen estimator: passes over columns of floats, compiled for each CPU.

#include <cstddef>

namespace attune::tune::internal {

inline constexpr size_t kParzenPad = 16;  // counts of kernels are multiples of it
constexpr size_t parzen_padded(size_t n) { return (n + kParzenPad - 1) / kParzenPad * kParzenPad; }

// One row per kernel, one column per quantity: `axes()` centres, then as many gaps, then as many
// inverse widths, then the logarithm of the kernel's constant. Axes: those with a density, those
// with levels, those with choices, in this order. A kernel's centre on an axis of choices is an
// index, and the place of its inverse width has the logarithm of the chance of any other index.
struct ParzenTable {
  float* data;
  size_t stride;  // from column to column
  size_t smooth, levels, choices;

  size_t axes() const { return smooth + levels + choices; }
  float* center(size_t axis) const { return data + axis * stride; }
  float* gap(size_t axis) const { return data + (axes() + axis) * stride; }
  float* inverse(size_t axis) const { return data + (2 * axes() + axis) * stride; }
  float* constant() const { return data + 3 * axes() * stride; }
};

// Inverse widths and constants of the kernels [begin, end), multiples of kParzenPad: a width is the
// gap, at least `narrowest` and at most 1; the constant makes each truncated normal integrate to 1.
void parzen_widths(const ParzenTable& table, float narrowest, size_t begin, size_t end);

// A point to evaluate: per axis the coordinate, or the ends of the level's slice; a slice with
// high < low is too narrow for that, and low its middle.
struct ParzenPoint {
  const float* low;
  const float* high;
  size_t stride;  // from axis to axis
};

// log(sum of weight * density) over `kernels` kernels, without the widths of narrow slices.
// `log_hit`: per axis of choices, the logarithm of the chance of the kernel's own index.
// `work`: room for `kernels` numbers.
float parzen_log_sum(const ParzenTable& table, const float* weights, const float* log_hit,
                     size_t kernels, const ParzenPoint& point, float* work);

}  // namespace attune::tune::internal
