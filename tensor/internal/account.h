#pragma once
// Who pays for a block: the account of the MemoryLimitScope in which it was made, and those of the
// scopes around that one.

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace attune::internal {

struct Account {
  Account* outer;
  int64_t limit;
  std::atomic<int64_t> used{0};
  std::atomic<int64_t> peak{0};
  std::atomic<int64_t> holders{1};  // the scope, the accounts inside it, and its blocks
};

Account*& this_account();  // of this thread; null: no scope

void charge(Account* account, size_t bytes);  // OutOfMemory where a limit would be passed
void refund(Account* account, size_t bytes) noexcept;

// Makes a thread count towards the account of another for as long as it lives: what a worker does
// with the account of whoever it works for.
class AccountScope {
 public:
  explicit AccountScope(Account* account);
  ~AccountScope();
  AccountScope(const AccountScope&) = delete;
  AccountScope& operator=(const AccountScope&) = delete;

 private:
  Account* outer_;
};

// Keeps an account while no thread does.
void hold(Account* account);
void drop(Account* account) noexcept;

}  // namespace attune::internal
