#include "attune/nn/internal/epoch.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "attune/base/threads.h"
#include "attune/nn/internal/rows.h"
#include "attune/tensor/internal/check.h"

namespace attune::nn::internal {

Dataset Epoch::batch(int64_t i) const {
  const int64_t begin = i * batch_size, length = std::min(batch_size, rows - begin);
  Dataset made;
  if (order.defined()) {
    const auto which =
        order.data<int64_t>().subspan(static_cast<size_t>(begin), static_cast<size_t>(length));
    made = {gather_rows(data.x, which), gather_rows(data.y, which)};
  } else {
    made = {data.x.narrow(0, begin, length), data.y.narrow(0, begin, length)};
  }
  if (!transform) return made;
  Rng own = rng.fork(i);
  return transform(std::move(made), own);
}

Prefetch::Prefetch(const Epoch& epoch, int workers)
    : epoch_(epoch),
      ahead_(std::min<int64_t>(2 * int64_t{workers}, epoch.batches)),
      account_(attune::internal::this_account()) {
  const auto count = static_cast<size_t>(std::min<int64_t>(workers, epoch.batches));
  workers_.reserve(count);
  attune::internal::hold(account_);
  try {
    while (workers_.size() < count) workers_.emplace_back([this] { work(); });
  } catch (const std::exception&) {  // the system has no more threads: fewer will do, or none
  }
}

Prefetch::~Prefetch() {
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
  }
  changed_.notify_all();
  for (std::thread& worker : workers_) worker.join();
  made_.clear();
  attune::internal::drop(account_);
}

void Prefetch::work() {
  const attune::internal::AccountScope account(account_);
  const ThreadScope one(1);  // the workers are the threads
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock,
                  [&] { return stopped_ || next_ >= epoch_.batches || next_ < wanted_ + ahead_; });
    if (stopped_ || next_ >= epoch_.batches) return;
    const int64_t i = next_++;
    lock.unlock();
    Made made;
    try {
      made.batch = epoch_.batch(i);
    } catch (...) {
      made.error = std::current_exception();
    }
    lock.lock();
    if (i >= wanted_) made_.insert_or_assign(i, std::move(made));
    changed_.notify_all();
  }
}

Dataset Prefetch::take(int64_t i) {
  std::unique_lock lock(mutex_);
  const bool here = made_.contains(i) || (i >= wanted_ && i < epoch_.batches && !workers_.empty());
  if (here) {  // or about to be
    wanted_ = i;
    made_.erase(made_.begin(), made_.lower_bound(i));
    next_ = std::max(next_, i);
    changed_.notify_all();
    changed_.wait(lock, [&] { return made_.contains(i); });
    const Made made = made_.at(i);
    lock.unlock();
    if (made.error) std::rethrow_exception(made.error);
    return made.batch;
  }
  lock.unlock();
  return epoch_.batch(i);  // one that was there before
}

}  // namespace attune::nn::internal
