#pragma once
// The inner loops of the Parzen estimator: passes over columns of floats, compiled for each CPU.
// Logarithms are those to base 2, in which an exponential is cheapest.

#include <cstddef>

namespace attune::tune::internal {

inline constexpr size_t kParzenBlock = 8;  // kernels whose widths are computed at a time
inline constexpr size_t kParzenPad = 2 * kParzenBlock;  // kernels that are summed at a time
constexpr size_t parzen_padded(size_t n) { return (n + kParzenPad - 1) / kParzenPad * kParzenPad; }

// One row per kernel, one column per quantity. Axes: those with a density, those with levels, those
// with choices, in this order. A kernel's centre on an axis of choices is an index.
struct ParzenTable {
  float* data;    // the first kernel
  size_t stride;  // from column to column
  size_t smooth, levels, choices;

  size_t axes() const { return smooth + levels + choices; }
  size_t columns() const { return 4 * axes() + 1; }
  float* center(size_t axis) const { return data + axis * stride; }
  float* gap(size_t axis) const { return data + (axes() + axis) * stride; }
  // Numeric axes: x * scale + offset is the distance from the centre in widths (for a density:
  // such that its square is the logarithm's fall). Choices: the logarithm of the chance of an index
  // that is not the kernel's own.
  float* scale(size_t axis) const { return data + (2 * axes() + axis) * stride; }
  float* offset(size_t axis) const { return data + (3 * axes() + axis) * stride; }
  float* constant() const {
    return data + 4 * axes() * stride;
  }  // logarithm of the kernel's factor
};

// Scales, offsets and constants of kParzenBlock kernels from the given one on: a width is the gap,
// at least `narrowest` and at most 1; the constant makes each truncated normal integrate to 1.
void parzen_widths(const ParzenTable& table, float narrowest, size_t kernel);

// A point to evaluate: per axis the coordinate, or the ends of the level's slice; a slice with
// high < low is too narrow for that, and low its middle.
struct ParzenPoint {
  const float* low;
  const float* high;
  size_t stride;  // from axis to axis
};

// What an axis adds to each kernel's logarithm at one of its levels, and the scales and offsets
// that it was computed for: a kernel that still has them need not be asked again.
struct ParzenMemo {
  float *scale, *offset, *value;
};

// log2(sum of weight * density) over `kernels` kernels, a multiple of kParzenPad, without the
// widths of narrow slices. `log_hit`: per axis of choices, the logarithm of the chance of the
// kernel's own index. `memos`: per axis with levels, that of the point's level. `work`: room for
// `kernels` numbers.
float parzen_log_sum(const ParzenTable& table, const float* weights, const float* log_hit,
                     const ParzenMemo* memos, size_t kernels, const ParzenPoint& point,
                     float* work);

}  // namespace attune::tune::internal
