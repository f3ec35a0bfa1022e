#pragma once
// Waits for other programs' locks while somebody wants this program to end: StudyLog::hurry_when.

#include <chrono>
#include <functional>
#include <utility>

namespace attune::tune {

// Not safe for several threads at once.
class Hurry {
 public:
  void when(std::function<bool()> condition) { condition_ = std::move(condition); }
  bool holds() const { return condition_ && condition_(); }

  // Looked at during each wait, before it goes on: whether it must end.
  bool over() {
    if (!holds()) waited_ = {};
    return waited_ >= kMost;
  }
  // So long has been waited since.
  void add(std::chrono::steady_clock::duration waited) {
    if (holds()) waited_ += waited;
  }

 private:
  static constexpr auto kMost = std::chrono::milliseconds(600);  // of all waits together
  std::function<bool()> condition_;
  std::chrono::steady_clock::duration waited_{};
};

}  // namespace attune::tune
