#pragma once
// Cores that several threads share for their kernels. Each thread has an even part of them, which
// grows and shrinks as others come and go; results do not depend on it.

#include <atomic>
#include <mutex>
#include <vector>

namespace attune::internal {

class CoreBudget {
 public:
  explicit CoreBudget(int cores) : cores_(cores) {}  // at least 1
  CoreBudget(const CoreBudget&) = delete;
  CoreBudget& operator=(const CoreBudget&) = delete;

  // While it exists max_threads() is this thread's part, whatever ThreadScopes there are around it;
  // those within it apply. It goes on the thread it was made on.
  class Part {
   public:
    explicit Part(CoreBudget& budget);
    ~Part();
    Part(const Part&) = delete;
    Part& operator=(const Part&) = delete;

    int threads() const { return threads_.load(std::memory_order_relaxed); }

   private:
    friend class CoreBudget;
    CoreBudget& budget_;
    std::atomic<int> threads_{1};
    int outer_scope_;
    const Part* outer_part_;
  };

 private:
  void share();  // with the lock

  const int cores_;
  std::mutex mutex_;
  std::vector<Part*> parts_;
};

}  // namespace attune::internal
