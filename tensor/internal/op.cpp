#include "attune/tensor/internal/op.h"

namespace attune::internal {

Types types_of(const char* op, Takes takes, DType dtype) {
  if (is_floating(dtype)) return {byte_size(dtype) == 2 ? DType::f32 : dtype, dtype};
  check<DTypeError>(takes != Takes::numbers || dtype != DType::boolean,
                    "{}: takes numbers, got booleans; cast them first", op);
  return takes == Takes::floating ? Types{DType::f32, DType::f32} : Types{dtype, dtype};
}

}  // namespace attune::internal
