#pragma once
// How much memory tensors use, and how much they may.

#include <cstdint>

namespace attune {

namespace internal {
struct Account;
}

// Of all tensors of the process, in bytes. What other threads hold is known to within 64 KiB each;
// so is the peak.
struct MemoryStats {
  int64_t live = 0;         // in tensors that exist now, their headers and padding included
  int64_t peak = 0;         // the most that `live` has been
  int64_t pool = 0;         // freed, and kept for the next tensors
  int64_t allocations = 0;  // tensors made since the process began
};
MemoryStats memory_stats();

// While it exists, the tensors made on this thread may use at most `bytes` together: one more
// throws OutOfMemory, which says what was asked for and what is in use, and changes nothing. Each
// tensor counts from when it is made here until it is freed, on whatever thread. Scopes nest: what
// an inner one counts, the outer ones count too. A Loader's workers count towards the scope in
// which their epoch began. Tensors made before the scope, on other threads, or borrowed
// (Tensor::borrow, mapped files) do not count, nor do the pool and what ops allocate besides
// tensors. ValueError for a limit below 0.
class MemoryLimitScope {
 public:
  explicit MemoryLimitScope(int64_t bytes);
  ~MemoryLimitScope();
  MemoryLimitScope(const MemoryLimitScope&) = delete;
  MemoryLimitScope& operator=(const MemoryLimitScope&) = delete;

  int64_t used() const;  // now, by the tensors that count
  int64_t peak() const;  // the most that used() has been

 private:
  internal::Account* account_;
};

// const auto limit = memory_limit(bytes); is a MemoryLimitScope.
[[nodiscard]] inline MemoryLimitScope memory_limit(int64_t bytes) {
  return MemoryLimitScope(bytes);
}

}  // namespace attune
