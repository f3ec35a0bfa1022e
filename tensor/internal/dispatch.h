#pragma once
// From a dtype at run time to a C++ type at compile time.

#include "attune/tensor/half.h"
#include "attune/tensor/internal/check.h"

namespace attune::internal {

inline constexpr size_t kDTypeCount = 9;

// body.operator()<T>() with T the C++ type of `dtype`. Not for f16 and bf16, which an op's door
// (op.h) has made f32: DTypeError.
template <class Body>
decltype(auto) dispatch(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::f32: return body.template operator()<float>();
    case DType::f64: return body.template operator()<double>();
    case DType::i8: return body.template operator()<int8_t>();
    case DType::i32: return body.template operator()<int32_t>();
    case DType::i64: return body.template operator()<int64_t>();
    case DType::u8: return body.template operator()<uint8_t>();
    case DType::boolean: return body.template operator()<bool>();
    case DType::f16:
    case DType::bf16: break;
  }
  fail<DTypeError>("cannot compute in {}; cast it to f32 first", dtype);
}

// The same for every dtype, f16 and bf16 as float16 and bfloat16.
template <class Body>
decltype(auto) dispatch_stored(DType dtype, Body&& body) {
  if (dtype == DType::f16) return body.template operator()<float16>();
  if (dtype == DType::bf16) return body.template operator()<bfloat16>();
  return dispatch(dtype, body);
}

inline bool is_half(DType dtype) { return dtype == DType::f16 || dtype == DType::bf16; }

// The same by size alone, for what moves elements and computes nothing: T is an unsigned integer.
template <class Body>
decltype(auto) dispatch_bytes(DType dtype, Body&& body) {
  switch (byte_size(dtype)) {
    case 1: return body.template operator()<uint8_t>();
    case 2: return body.template operator()<uint16_t>();
    case 4: return body.template operator()<uint32_t>();
    default: return body.template operator()<uint64_t>();
  }
}

// The same for f32 and f64; DTypeError in the name of `op` for others.
template <class Body>
decltype(auto) dispatch_floating(const char* op, DType dtype, Body&& body) {
  if (dtype == DType::f32) return body.template operator()<float>();
  check<DTypeError>(dtype == DType::f64, "{}: needs f32 or f64, got {}; cast it first", op, dtype);
  return body.template operator()<double>();
}

// The same for i32 and i64, the types of an index.
template <class Body>
decltype(auto) dispatch_index(const char* op, DType dtype, Body&& body) {
  check<DTypeError>(dtype == DType::i32 || dtype == DType::i64,
                    "{}: an index must be i32 or i64, got {}", op, dtype);
  if (dtype == DType::i32) return body.template operator()<int32_t>();
  return body.template operator()<int64_t>();
}

}  // namespace attune::internal
