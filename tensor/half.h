#pragma once
// float16 and bfloat16: the elements of f16 and bf16 tensors. They are stored and converted only;
// attune computes in f32. Conversions round to the nearest, ties to even; NaN stays NaN.

#include <bit>
#include <concepts>
#include <cstdint>

namespace attune {

namespace internal {

// x as an f32 that rounds to any narrower type as x itself would: rounded to odd, so that what was
// cut off still breaks a tie (Boldo and Melquiond, "Emulation of FMA and correctly rounded sums",
// 2008).
constexpr float round_to_odd(double x) {
  const auto nearest = static_cast<float>(x);
  const double back = nearest;
  if (back == x || x != x) return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  const bool beyond = x < 0 ? back < x : back > x;
  if (beyond) --bits;  // towards zero
  return std::bit_cast<float>(bits | 1);
}

// The same of an integer. One beyond 2^53 loses its lower 11 bits to a single sticky one first, so
// that it is exact as a double.
template <std::integral T>
constexpr float round_to_odd(T x) {
  const bool negative = x < T{};
  uint64_t size = negative ? uint64_t{0} - static_cast<uint64_t>(x) : static_cast<uint64_t>(x);
  if (size >> 53 != 0) size = (size >> 11 | uint64_t{(size & 0x7FF) != 0}) << 11;
  const auto exact = static_cast<double>(size);
  return round_to_odd(negative ? -exact : exact);
}

constexpr uint16_t float16_bits(float x) {
  const uint32_t all = std::bit_cast<uint32_t>(x), sign = (all >> 16) & 0x8000;
  const uint32_t bits = all & 0x7FFFFFFF;
  uint32_t half = 0;
  if (bits > 0x7F800000) {
    half = 0x7E00 | ((bits >> 13) & 0x1FF);  // a quiet NaN
  } else if (bits >= 0x47800000) {           // 65536 and above
    half = 0x7C00;
  } else if (bits >= 0x38800000) {  // 2^-14, the smallest normal number, and above
    half = (bits - 0x38000000 + 0xFFF + ((bits >> 13) & 1)) >> 13;
  } else {  // the addition rounds to multiples of 2^-24
    half = std::bit_cast<uint32_t>(std::bit_cast<float>(bits) + 0.5f) - 0x3F000000;
  }
  return static_cast<uint16_t>(sign | half);
}

constexpr float float16_value(uint16_t half) {
  const uint32_t sign = uint32_t{half & 0x8000u} << 16, rest = half & 0x7FFF;
  if (rest >= 0x7C00) return std::bit_cast<float>(sign | 0x7F800000 | ((rest & 0x3FF) << 13));
  if (rest >= 0x400) return std::bit_cast<float>(sign | ((rest << 13) + 0x38000000));
  const float small = static_cast<float>(rest) * 0x1p-24f;
  return sign != 0 ? -small : small;
}

constexpr uint16_t bfloat16_bits(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  if (x != x) return static_cast<uint16_t>((bits >> 16) | 0x40);  // a quiet NaN
  return static_cast<uint16_t>((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
}

}  // namespace internal

// IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits; the largest number is 65504.
struct float16 {
  uint16_t bits = 0;

  constexpr float16() = default;
  constexpr explicit float16(float x) : bits(internal::float16_bits(x)) {}
  constexpr explicit float16(double x) : float16(internal::round_to_odd(x)) {}
  template <std::integral T>
  constexpr explicit float16(T x) : float16(internal::round_to_odd(x)) {}
  constexpr explicit operator float() const { return internal::float16_value(bits); }
  constexpr explicit operator double() const { return internal::float16_value(bits); }
};

// The upper half of an f32: its range, with 7 fraction bits.
struct bfloat16 {
  uint16_t bits = 0;

  constexpr bfloat16() = default;
  constexpr explicit bfloat16(float x) : bits(internal::bfloat16_bits(x)) {}
  constexpr explicit bfloat16(double x) : bfloat16(internal::round_to_odd(x)) {}
  template <std::integral T>
  constexpr explicit bfloat16(T x) : bfloat16(internal::round_to_odd(x)) {}
  constexpr explicit operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }
  constexpr explicit operator double() const { return static_cast<float>(*this); }
};

}  // namespace attune
