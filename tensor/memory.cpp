#include "attune/tensor/memory.h"

#include <utility>

#include "attune/tensor/internal/account.h"
#include "attune/tensor/internal/check.h"

namespace attune {
namespace internal {

void hold(Account* account) {
  if (account != nullptr) account->holders.fetch_add(1, std::memory_order_relaxed);
}

void drop(Account* account) noexcept {
  while (account != nullptr && account->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) {
    Account* outer = account->outer;
    delete account;
    account = outer;
  }
}

namespace {

// The bytes of the accounts from `from` to before `to`.
void take_back(Account* from, const Account* to, int64_t bytes) noexcept {
  for (; from != to; from = from->outer) from->used.fetch_sub(bytes, std::memory_order_relaxed);
}

}  // namespace

void charge(Account* account, size_t bytes) {
  const auto more = static_cast<int64_t>(bytes);
  for (Account* a = account; a != nullptr; a = a->outer) {
    const int64_t before = a->used.fetch_add(more, std::memory_order_relaxed);
    if (more > a->limit - before) {
      take_back(account, a->outer, more);
      fail<OutOfMemory>(
          "tensor: no memory for {} bytes: {} are in use, and the limit of this thread's "
          "MemoryLimitScope is {}",
          bytes, before, a->limit);
    }
    int64_t peak = a->peak.load(std::memory_order_relaxed);
    while (before + more > peak &&
           !a->peak.compare_exchange_weak(peak, before + more, std::memory_order_relaxed)) {
    }
  }
  hold(account);
}

void refund(Account* account, size_t bytes) noexcept {
  take_back(account, nullptr, static_cast<int64_t>(bytes));
  drop(account);
}

AccountScope::AccountScope(Account* account) : outer_(std::exchange(this_account(), account)) {}
AccountScope::~AccountScope() { this_account() = outer_; }

}  // namespace internal

MemoryLimitScope::MemoryLimitScope(int64_t bytes) {
  check<ValueError>(bytes >= 0, "MemoryLimitScope: the limit must not be negative, got {}", bytes);
  account_ = guard_memory("MemoryLimitScope", [&] {
    return new internal::Account{.outer = internal::this_account(), .limit = bytes};
  });
  internal::hold(account_->outer);
  internal::this_account() = account_;
}

MemoryLimitScope::~MemoryLimitScope() {
  internal::this_account() = account_->outer;
  internal::drop(account_);
}

int64_t MemoryLimitScope::used() const { return account_->used.load(std::memory_order_relaxed); }
int64_t MemoryLimitScope::peak() const { return account_->peak.load(std::memory_order_relaxed); }

}  // namespace attune
