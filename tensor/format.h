#pragma once
// fmt::format("{}", tensor), and for shapes and dtypes. Include it where you use fmt: no other
// public header needs fmt.

#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include "attune/tensor/tensor.h"

template <>
struct fmt::formatter<attune::Tensor> : fmt::ostream_formatter {};
template <>
struct fmt::formatter<attune::DType> : fmt::ostream_formatter {};
template <>
struct fmt::is_range<attune::Shape, char> : std::false_type {};  // printed as a Shape, not a list
template <>
struct fmt::formatter<attune::Shape> : fmt::ostream_formatter {};
