#pragma once
// The element types a tensor can hold.

#include <cstddef>
#include <cstdint>
#include <iosfwd>

namespace attune {

enum class DType : uint8_t { f32, f64, i32, i64, u8, boolean };

const char* name(DType dtype);  // "f32"
size_t byte_size(DType dtype);  // of one element; a boolean takes one byte
bool is_floating(DType dtype);  // f32, f64

// The type that holds values of both, as NumPy and PyTorch choose it: boolean < u8 < i32 < i64 <
// f32 < f64, so that an integer tensor never widens a floating one.
DType promote(DType a, DType b);

std::ostream& operator<<(std::ostream& out, DType dtype);

// dtype_of<float> is DType::f32, and so on.
template <class T>
inline constexpr DType dtype_of = [] {
  static_assert(sizeof(T) == 0, "a tensor holds float, double, int32_t, int64_t, uint8_t or bool");
  return DType::f32;
}();
template <>
inline constexpr DType dtype_of<float> = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<int32_t> = DType::i32;
template <>
inline constexpr DType dtype_of<int64_t> = DType::i64;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::u8;
template <>
inline constexpr DType dtype_of<bool> = DType::boolean;

}  // namespace attune
