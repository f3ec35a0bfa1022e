#include "attune/base/threads.h"

#include <omp.h>
#include <unistd.h>

#include <atomic>

#include "attune/base/internal/check.h"
#include "attune/base/internal/parallel.h"

namespace attune {
namespace {

constinit thread_local int scope_threads = 0;  // 0: no scope

}  // namespace

ThreadScope::ThreadScope(int threads) : outer_(scope_threads) {
  check<ValueError>(threads >= 1, "ThreadScope: needs at least 1 thread, got {}", threads);
  scope_threads = threads;
}

ThreadScope::~ThreadScope() { scope_threads = outer_; }

int max_threads() { return scope_threads > 0 ? scope_threads : omp_get_max_threads(); }

namespace internal {

// libgomp's threads do not survive a fork: a parallel region in the child would wait for them for
// ever. So only the process that first asks runs regions; any other computes on one thread.
int usable_threads() {
  static std::atomic<pid_t> owner{0};
  const int threads = max_threads();
  if (threads == 1 || omp_in_parallel()) return 1;
  pid_t expected = 0;
  const pid_t self = getpid();
  return owner.compare_exchange_strong(expected, self) || expected == self ? threads : 1;
}

}  // namespace internal
}  // namespace attune
