#pragma once
// check(): the one way an op refuses bad input. The message is built only when it is needed.

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <utility>

#include "attune/tensor/dtype.h"
#include "attune/tensor/error.h"
#include "attune/tensor/shape.h"

template <>
struct fmt::formatter<attune::DType> : fmt::ostream_formatter {};
template <>
struct fmt::is_range<attune::Shape, char> : std::false_type {
};  // print it as a Shape, not as a list
template <>
struct fmt::formatter<attune::Shape> : fmt::ostream_formatter {};

namespace attune {

template <class E, class... Args>
[[noreturn, gnu::noinline, gnu::cold]] void fail(fmt::format_string<Args...> format,
                                                 Args&&... args) {
  throw E(fmt::format(format, std::forward<Args>(args)...));
}

template <class E, class... Args>
void check(bool fine, fmt::format_string<Args...> format, Args&&... args) {
  if (!fine) [[unlikely]]
    fail<E>(format, std::forward<Args>(args)...);
}

}  // namespace attune
