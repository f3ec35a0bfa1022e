#pragma once
// From a C++ number to an element, or an error if the value would change.

#include <cmath>
#include <limits>
#include <type_traits>
#include <utility>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/arguments.h"

namespace attune::internal {

// `scalar` as an element of type T; DTypeError in the name of `op` if T cannot hold it: a fraction,
// an infinity or a number too large for an integer type. Floating types take any, rounded.
template <class T>
T element_of(const char* op, Scalar scalar) {
  if constexpr (!std::is_integral_v<T>) {
    return scalar.is_integral() ? static_cast<T>(scalar.integer()) : static_cast<T>(scalar.value());
  } else {
    using Limits = std::numeric_limits<T>;
    using Whole = std::conditional_t<std::is_same_v<T, bool>, uint8_t, T>;
    const double value = scalar.value();
    const bool fits =
        scalar.is_integral()
            ? std::in_range<Whole>(scalar.integer()) && scalar.integer() <= int64_t{Limits::max()}
            : std::trunc(value) == value && value >= static_cast<double>(Limits::lowest()) &&
                  value < static_cast<double>(Limits::max()) + 1;
    check<DTypeError>(fits, "{}: {} does not fit {}; use a dtype that holds it", op, value,
                      dtype_of<T>);
    return scalar.is_integral() ? static_cast<T>(scalar.integer()) : static_cast<T>(value);
  }
}

}  // namespace attune::internal
