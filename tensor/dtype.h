#pragma once
// The element types a tensor can hold.

#include <cstddef>
#include <cstdint>
#include <iosfwd>

namespace attune {

enum class DType : uint8_t { f32, f64, i32, i64, u8, boolean, f16, bf16, i8 };

const char* name(DType dtype);  // "f32"
size_t byte_size(DType dtype);  // of one element; a boolean takes one byte

// f16, bf16, f32, f64. The first two are stored and converted; ops compute them as f32 and round
// the result to the nearest, ties to even.
bool is_floating(DType dtype);

// The type that holds values of both, as NumPy and PyTorch choose it: an integer tensor never
// widens a floating one, f16 with bf16 is f32, and i8 with u8, for want of an i16, is i32.
DType promote(DType a, DType b);

std::ostream& operator<<(std::ostream& out, DType dtype);

// dtype_of<float> is DType::f32, and so on.
template <class T>
inline constexpr DType dtype_of = [] {
  static_assert(sizeof(T) == 0,
                "a tensor holds float, double, float16, bfloat16, int8_t, int32_t, int64_t, "
                "uint8_t or bool");
  return DType::f32;
}();
struct float16;  // tensor/half.h
struct bfloat16;
template <>
inline constexpr DType dtype_of<float> = DType::f32;
template <>
inline constexpr DType dtype_of<double> = DType::f64;
template <>
inline constexpr DType dtype_of<float16> = DType::f16;
template <>
inline constexpr DType dtype_of<bfloat16> = DType::bf16;
template <>
inline constexpr DType dtype_of<int8_t> = DType::i8;
template <>
inline constexpr DType dtype_of<int32_t> = DType::i32;
template <>
inline constexpr DType dtype_of<int64_t> = DType::i64;
template <>
inline constexpr DType dtype_of<uint8_t> = DType::u8;
template <>
inline constexpr DType dtype_of<bool> = DType::boolean;

}  // namespace attune
