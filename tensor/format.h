#pragma once
// fmt::format("{}", tensor), and for shapes and dtypes. Opt in by including this beside fmt: no
// other public header needs fmt to be there.

#include <fmt/ostream.h>

#include "attune/tensor/tensor.h"

template <>
struct fmt::formatter<attune::Tensor> : fmt::ostream_formatter {};
template <>
struct fmt::formatter<attune::DType> : fmt::ostream_formatter {};
template <>
struct fmt::formatter<attune::Shape> : fmt::ostream_formatter {};
