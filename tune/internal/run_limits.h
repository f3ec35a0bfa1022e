#pragma once
// When a run of trials is to end early: stop(), its timeout, or a condition of its host. Every wait
// and every trial of the run looks here.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace attune::tune {

struct RunLimits {
  std::atomic<bool> stopped{false};
  std::optional<std::chrono::steady_clock::time_point> deadline = {};
  std::optional<int64_t> total = {};  // once there are so many, retries aside, none is made
  int64_t retries = 0;                // of a trial that fails
  // Told what is waited for, once a wait for another process's trial is a long one.
  std::function<void(const std::string& trial)> on_wait = {};

  bool reached() const {
    return stopped || (deadline && std::chrono::steady_clock::now() >= *deadline);
  }
};

// Asks the host's condition a few times a second on a thread of its own, so that it is never called
// under a lock, and is heard by those who wait for one.
class HostWatch {
 public:
  HostWatch(std::function<bool()> condition, std::shared_ptr<RunLimits> limits)
      : condition_(std::move(condition)), limits_(std::move(limits)) {
    if (!condition_) return;
    ask();
    thread_ = std::jthread([this](const std::stop_token& stop) {
      std::mutex mutex;
      std::condition_variable_any end;
      std::unique_lock lock(mutex);
      while (!limits_->stopped && !stop.stop_requested()) {
        end.wait_for(lock, stop, kAskEvery, [] { return false; });
        ask();
      }
    });
  }

  // Ends the watch, and throws what the condition threw, which has ended the run.
  void finish() {
    thread_ = {};
    if (error_) std::rethrow_exception(error_);
  }

 private:
  static constexpr auto kAskEvery = std::chrono::milliseconds(50);

  void ask() noexcept {
    try {
      if (condition_()) limits_->stopped = true;
    } catch (...) {
      error_ = std::current_exception();
      limits_->stopped = true;
    }
  }

  std::function<bool()> condition_;
  std::shared_ptr<RunLimits> limits_;
  std::exception_ptr error_;
  std::jthread thread_;  // last: it ends before the rest goes
};

// The runs of a study that are on. Safe for several threads.
class Runs {
 public:
  // A new run, until the pointer goes. What limits it is set before others see it.
  std::shared_ptr<RunLimits> begin(
      std::optional<std::chrono::steady_clock::time_point> deadline = {},
      std::optional<int64_t> total = {}, int64_t retries = 0) {
    const std::lock_guard lock(mutex_);
    std::erase_if(runs_, [](const auto& run) { return run.expired(); });
    auto limits = std::make_shared<RunLimits>();
    limits->deadline = deadline;
    limits->total = total;
    limits->retries = retries;
    limits->stopped = stop_next_;
    stop_next_ = false;
    runs_.push_back(limits);
    return limits;
  }

  // Stops the runs that are on; else the next one.
  void stop() {
    const std::lock_guard lock(mutex_);
    bool any = false;
    for (const auto& run : runs_) {
      if (const auto limits = run.lock()) {
        limits->stopped = true;
        any = true;
      }
    }
    stop_next_ = !any;
  }

  // There are runs, and each has reached its limits; has been told to stop.
  bool all_reached() const {
    return all([](const RunLimits& limits) { return limits.reached(); });
  }
  bool all_stopped() const {
    return all([](const RunLimits& limits) { return limits.stopped.load(); });
  }

 private:
  template <typename Holds>
  bool all(Holds holds) const {
    const std::lock_guard lock(mutex_);
    bool any = false;
    for (const auto& run : runs_) {
      const auto limits = run.lock();
      if (!limits) continue;
      if (!holds(*limits)) return false;
      any = true;
    }
    return any;
  }

  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<RunLimits>> runs_;
  bool stop_next_ = false;
};

}  // namespace attune::tune
