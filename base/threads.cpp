#include "attune/base/threads.h"

#include <omp.h>
#include <unistd.h>

#include <atomic>

#include "attune/base/internal/check.h"
#include "attune/base/internal/core_budget.h"
#include "attune/base/internal/one_thread.h"
#include "attune/base/internal/parallel.h"

namespace attune {
namespace {

constinit thread_local int scope_threads = 0;                             // 0: no scope
constinit thread_local const internal::CoreBudget::Part* part = nullptr;  // around the scopes

}  // namespace

ThreadScope::ThreadScope(int threads) : outer_(scope_threads) {
  check<ValueError>(threads >= 1, "ThreadScope: needs at least 1 thread, got {}", threads);
  scope_threads = threads;
}

ThreadScope::~ThreadScope() { scope_threads = outer_; }

int max_threads() {
  if (scope_threads > 0) return scope_threads;
  return part ? part->threads() : omp_get_max_threads();
}

namespace internal {

CoreBudget::Part::Part(CoreBudget& budget)
    : budget_(budget), outer_scope_(scope_threads), outer_part_(part) {
  const std::lock_guard lock(budget_.mutex_);
  budget_.parts_.push_back(this);
  budget_.share();
  scope_threads = 0;
  part = this;
}

CoreBudget::Part::~Part() {
  scope_threads = outer_scope_;
  part = outer_part_;
  const std::lock_guard lock(budget_.mutex_);
  std::erase(budget_.parts_, this);
  budget_.share();
}

// What cannot be shared evenly goes to those that have been there longest.
void CoreBudget::share() {
  const int count = static_cast<int>(parts_.size());
  for (int i = 0; i < count; ++i) {
    const int threads = cores_ / count + (i < cores_ % count ? 1 : 0);
    parts_[static_cast<size_t>(i)]->threads_.store(threads > 0 ? threads : 1,
                                                   std::memory_order_relaxed);
  }
}

// libgomp's threads do not survive a fork: a parallel region in the child would wait for them for
// ever. So only the process that first asks runs regions; any other computes on one thread.
std::atomic<pid_t> owner{0};  // -1: none

int usable_threads() {
  const int threads = max_threads();
  if (threads == 1 || omp_in_parallel()) return 1;
  pid_t expected = 0;
  const pid_t self = getpid();
  return owner.compare_exchange_strong(expected, self) || expected == self ? threads : 1;
}

void use_one_thread() {
  owner = -1;
  omp_set_num_threads(1);
}

}  // namespace internal
}  // namespace attune
