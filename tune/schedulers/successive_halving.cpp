// Successive halving, Jamieson and Talwalkar (2016).

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/schedulers/internal/brackets.h"
#include "attune/tune/schedulers/internal/rungs.h"

namespace attune::tune {
namespace {

constexpr int64_t kUsualSize = 16;  // at least
constexpr int64_t kMostSteps = int64_t{1} << 50;

class SuccessiveHalving : public Scheduler {
 public:
  explicit SuccessiveHalving(SuccessiveHalvingOptions options)
      : reduction_(options.reduction), size_(options.size) {
    if (options.min_steps < 1 || options.reduction < 2 || options.size < 0) {
      throw ValueError(fmt::format(
          "successive_halving: min_steps ({}) must be 1 or more, reduction ({}) 2 or more, size "
          "({}) 0 or more",
          options.min_steps, options.reduction, options.size));
    }
    if (size_ == 0) {
      for (size_ = 1; size_ < kUsualSize;) size_ *= reduction_;
    }
    int64_t steps = options.min_steps;
    for (int64_t left = size_; left > 1; left /= reduction_) {
      rungs_.push_back(steps);
      if (steps > kMostSteps / reduction_) break;  // no trial comes as far
      steps *= reduction_;
    }
  }

  Verdict after(const TrialRecord& trial, const History&) const override {
    if (!internal::arrives(rungs_, trial)) return Verdict::go_on;
    return internal::is_nan(trial.reports.back()) ? Verdict::stop : Verdict::pause;
  }

  Next next(const Situation& now) const override {
    return internal::next_in_brackets(now, reduction_, [this](int64_t number) {
      return internal::Bracket{number / size_ * size_, size_, rungs_};
    });
  }

 private:
  int64_t reduction_, size_;
  std::vector<int64_t> rungs_;  // steps
};

}  // namespace

std::shared_ptr<const Scheduler> successive_halving(SuccessiveHalvingOptions options) {
  return std::make_shared<SuccessiveHalving>(options);
}

}  // namespace attune::tune
