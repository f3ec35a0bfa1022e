#pragma once
// An op's door: which dtype an op computes in, and which its result has.
//
//   Tensor Tensor::sort_of(int axis) const {
//     return through("sort_of", Takes::floating, *this, sort_along, axis);  // sort_along(x, axis)
//   }
//
// The body sees f32 or f64, and integers where the op takes them. f16 and bf16 are computed as f32
// and rounded once, at the end. Both casts are recorded, so gradients pass the door the other way.

#include <concepts>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"

namespace attune::internal {

enum class Takes : uint8_t {
  floating,  // integers and booleans are computed as f32
  numbers,   // integers stay integers; booleans are refused
  any,       // booleans stay booleans
};

struct Types {
  DType computed, result;
};

// DTypeError, naming `op`, for booleans where it takes numbers.
Types types_of(const char* op, Takes takes, DType dtype);

// f32 and f64: what kernels are written for.
inline bool is_computed_as_it_is(DType dtype) { return dtype == DType::f32 || dtype == DType::f64; }

// x in that dtype: x itself, or a recorded cast.
inline Tensor into(const Tensor& x, DType dtype) {
  return block(x).dtype == dtype ? x : x.cast(dtype);
}

// x with its elements in row-major order, known to no tape: what a kernel reads.
inline Tensor dense(const Tensor& x) { return block(x).contiguous ? x : x.detach().contiguous(); }

// body(x, args…), through the door.
template <class Body, class... Args>
requires std::invocable<Body&, const Tensor&, const Args&...> Tensor
through(const char* op, Takes takes, const Tensor& x, Body&& body, const Args&... args) {
  require_defined(op, x);
  const DType dtype = block(x).dtype;
  if (is_computed_as_it_is(dtype)) [[likely]]
    return body(x, args...);
  const Types types = types_of(op, takes, dtype);
  Tensor y = body(into(x, types.computed), args...);
  return types.computed == types.result ? y : y.cast(types.result);
}

// body(a, b, args…), both in the dtype that they promote to.
template <class Body, class... Args>
requires std::invocable<Body&, const Tensor&, const Tensor&, const Args&...> Tensor
through(const char* op, Takes takes, const Tensor& a, const Tensor& b, Body&& body,
        const Args&... args) {
  require_defined(op, a, b);
  const DType of_a = block(a).dtype, of_b = block(b).dtype;
  if (of_a == of_b && is_computed_as_it_is(of_a)) [[likely]]
    return body(a, b, args...);
  const Types types = types_of(op, takes, promote(of_a, of_b));
  Tensor y = body(into(a, types.computed), into(b, types.computed), args...);
  return types.computed == types.result ? y : y.cast(types.result);
}

}  // namespace attune::internal
