#pragma once
// From a dtype at run time to a C++ type at compile time.

#include "attune/tensor/internal/check.h"

namespace attune::internal {

// body.operator()<T>() with T the C++ type of `dtype`.
template <class Body>
decltype(auto) dispatch(DType dtype, Body&& body) {
  switch (dtype) {
    case DType::f32: return body.template operator()<float>();
    case DType::f64: return body.template operator()<double>();
    case DType::i32: return body.template operator()<int32_t>();
    case DType::i64: return body.template operator()<int64_t>();
    case DType::u8: return body.template operator()<uint8_t>();
    case DType::boolean: break;
  }
  return body.template operator()<bool>();
}

// The same for f32 and f64; DTypeError in the name of `op` for others.
template <class Body>
decltype(auto) dispatch_floating(const char* op, DType dtype, Body&& body) {
  check<DTypeError>(is_floating(dtype), "{}: needs f32 or f64, got {}; cast it first", op, dtype);
  if (dtype == DType::f32) return body.template operator()<float>();
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
