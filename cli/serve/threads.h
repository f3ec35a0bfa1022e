#pragma once
// The server's threads: as many as there are connections at a time, up to a limit.

#include <httplib.h>

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace attune::cli {

class GrowingThreads final : public httplib::TaskQueue {
 public:
  explicit GrowingThreads(size_t most) : most_(most) {}

  void enqueue(std::function<void()> task) override;  // waits for a thread where all are busy
  void shutdown() override;                           // once every task has run

 private:
  void work();

  const size_t most_;
  std::mutex mutex_;
  std::condition_variable some_;
  std::deque<std::function<void()>> tasks_;
  std::vector<std::thread> threads_;
  size_t idle_ = 0;
  bool stop_ = false;
};

}  // namespace attune::cli
