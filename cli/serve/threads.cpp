#include "cli/serve/threads.h"

#include <system_error>

namespace attune::cli {

void GrowingThreads::enqueue(std::function<void()> task) {
  const std::lock_guard lock(mutex_);
  tasks_.push_back(std::move(task));
  if (idle_ < tasks_.size() && threads_.size() < most_) {
    try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {  // no more threads: one that is there will take it
      if (threads_.empty()) throw;
    }
  }
  some_.notify_one();
}

void GrowingThreads::shutdown() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  some_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void GrowingThreads::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    ++idle_;
    some_.wait(lock, [this] { return stop_ || !tasks_.empty(); });
    --idle_;
    if (tasks_.empty()) return;
    const std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    lock.unlock();
    task();
    lock.lock();
  }
}

}  // namespace attune::cli
