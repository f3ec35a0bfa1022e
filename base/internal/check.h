#pragma once
// check(): how bad input is rejected. The message is formatted only on failure; its arguments are
// evaluated always, so where they cost something and the check is hot, write `if (bad) fail<E>(…)`.

#include <fmt/format.h>

#include <new>
#include <stdexcept>
#include <utility>

#include "attune/base/error.h"

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

// Runs body(), in which the standard library may allocate as much as the user asked for: its
// exceptions become OutOfMemory in the name of `op`.
template <class Body>
decltype(auto) guard_memory(const char* op, Body&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    fail<OutOfMemory>("{}: the system has no memory left", op);
  } catch (const std::length_error&) {
    fail<OutOfMemory>("{}: more than memory can hold", op);
  }
}

}  // namespace attune
