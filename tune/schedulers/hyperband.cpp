// Hyperband, Li et al., "Hyperband: a novel bandit-based approach to hyperparameter optimization"
// (2018), algorithm 1.

#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/schedulers/internal/brackets.h"
#include "attune/tune/schedulers/internal/rungs.h"

namespace attune::tune {
namespace {

constexpr int64_t kMostTrials = 1'000'000'000;  // of a bracket

class Hyperband : public Scheduler {
 public:
  explicit Hyperband(HyperbandOptions options) : reduction_(options.reduction) {
    if (options.min_steps < 1 || options.max_steps < options.min_steps || options.reduction < 2) {
      throw ValueError(fmt::format(
          "hyperband: min_steps ({}) must be 1 or more, max_steps ({}) as many or more, reduction "
          "({}) 2 or more",
          options.min_steps, options.max_steps, options.reduction));
    }
    int64_t most = 0;  // halvings
    std::vector<int64_t> powers{1};
    while (powers.back() <= options.max_steps / options.min_steps / reduction_) {
      powers.push_back(powers.back() * reduction_);
      ++most;
    }
    if (powers.back() > kMostTrials) {
      throw ValueError(fmt::format(
          "hyperband: of max_steps ({}) and min_steps ({}) with reduction {} the first bracket "
          "would have {} trials or more; raise min_steps or reduction",
          options.max_steps, options.min_steps, options.reduction, powers.back()));
    }
    for (int64_t s = most; s >= 0; --s) {
      internal::Bracket bracket{round_,
                                ((most + 1) * powers[static_cast<size_t>(s)] + s) / (s + 1)};
      for (int64_t k = s; k > 0; --k) {
        bracket.rungs.push_back(
            std::max(options.min_steps, options.max_steps / powers[static_cast<size_t>(k)]));
      }
      round_ += bracket.size;
      brackets_.push_back(std::move(bracket));
    }
  }

  Verdict after(const TrialRecord& trial, const History&) const override {
    if (!internal::arrives(of(trial.number).rungs, trial)) return Verdict::go_on;
    return internal::is_nan(trial.reports.back()) ? Verdict::stop : Verdict::pause;
  }

  Next next(const Situation& now) const override {
    return internal::next_in_brackets(now, reduction_,
                                      [this](int64_t number) { return of(number); });
  }

 private:
  internal::Bracket of(int64_t number) const {
    const int64_t place = number % round_;
    auto at = brackets_.begin();
    while (place >= at->first + at->size) ++at;
    return {number - place + at->first, at->size, at->rungs};
  }

  int64_t reduction_;
  int64_t round_ = 0;  // trials until it begins again
  std::vector<internal::Bracket> brackets_;
};

}  // namespace

std::shared_ptr<const Scheduler> hyperband(HyperbandOptions options) {
  return std::make_shared<Hyperband>(options);
}

}  // namespace attune::tune
