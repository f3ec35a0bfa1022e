#pragma once
// How a fit divides its time between trials and the final training.

#include <algorithm>
#include <chrono>
#include <mutex>
#include <optional>

namespace attune::tune {

// Safe to use from several threads.
class FitClock {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  using Seconds = std::chrono::duration<double>;

  FitClock(std::optional<Seconds> all, Time began) : began_(began), all_(all) {}

  double seconds() const { return Seconds(Clock::now() - began_).count(); }
  bool is_over() const { return all_ && seconds() >= all_->count(); }
  std::optional<Seconds> left() const {
    if (!all_) return {};
    return Seconds(std::max(0.0, all_->count() - seconds()));
  }

  // A trial has been completed in so many seconds; greater values are better.
  void complete(double seconds, double value) {
    const std::lock_guard lock(mutex_);
    if (any_ && !(value > best_)) return;
    if (!any_) first_ = seconds;
    any_ = true;
    best_ = value;
    best_seconds_ = seconds;
  }
  bool any_complete() const {
    const std::lock_guard lock(mutex_);
    return any_;
  }

  // The linear model, which is trained before the trials, may have a fifth of the time.
  bool linear_model_may_go_on() const { return !all_ || seconds() < kLinearShare * all_->count(); }
  void reserve_for_linear_model(double seconds) {
    const std::lock_guard lock(mutex_);
    linear_ = seconds;
  }

  // Whether so many seconds may be used once more, after which there is time for training the first
  // configuration and the linear model again.
  bool leaves(double seconds) const {
    if (!all_) return true;
    const std::lock_guard lock(mutex_);
    return this->seconds() + kLonger * (seconds + first_ + linear_) < all_->count();
  }

  // Whether the rest is needed for training the best and the first configuration and the linear
  // model once more, on training and validation rows together. While no trial is complete, the one
  // that runs may have half of the time.
  bool trials_must_end() const {
    if (!all_) return false;
    const std::lock_guard lock(mutex_);
    const double used = seconds();
    const double reserve = any_ ? kLonger * (best_seconds_ + first_ + linear_) : used;
    return used + reserve >= all_->count();
  }

 private:
  static constexpr double kLonger = 1.5;  // there are a third more rows
  static constexpr double kLinearShare = 0.2;

  const Time began_;
  const std::optional<Seconds> all_;
  mutable std::mutex mutex_;
  bool any_ = false;
  double best_ = 0, best_seconds_ = 0, first_ = 0, linear_ = 0;
};

}  // namespace attune::tune
