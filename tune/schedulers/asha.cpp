// Asynchronous successive halving, Li et al. (2020), with promotion from a checkpoint.

#include <algorithm>
#include <limits>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/schedulers/internal/rungs.h"

namespace attune::tune {
namespace {

class Asha : public Scheduler {
 public:
  explicit Asha(AshaOptions options) : reduction_(options.reduction) {
    if (options.min_steps < 1 || options.reduction < 2) {
      throw ValueError(
          fmt::format("asha: min_steps ({}) must be 1 or more, reduction ({}) 2 or more",
                      options.min_steps, options.reduction));
    }
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
    for (int64_t steps = options.min_steps;; steps *= reduction_) {
      rungs_.push_back(steps);
      if (steps > kMost / reduction_) break;
    }
  }

  Verdict after(const TrialRecord& trial, const History&) const override {
    if (!internal::arrives(rungs_, trial)) return Verdict::go_on;
    return internal::is_nan(trial.reports.back()) ? Verdict::stop : Verdict::pause;
  }

  Next next(const Situation& now) const override {
    const std::vector<std::vector<const TrialRecord*>> arrived = by_rung(now.history);
    if (const int64_t best = promotable(arrived, 0); best >= 0) return Next::resume(best);
    if (now.may_start) return {};
    if (now.history.count(State::running) > 0) return Next::wait();
    const int64_t best = promotable(arrived, 1);
    return best >= 0 ? Next::resume(best) : Next{};
  }

 private:
  // Per rung the trials that have come as far.
  std::vector<std::vector<const TrialRecord*>> by_rung(const History& history) const {
    std::vector<std::vector<const TrialRecord*>> arrived;
    for (const TrialRecord& trial : history.trials()) {
      if (trial.reports.empty() || trial.state == State::failed) continue;
      const auto rungs =
          static_cast<size_t>(internal::passed(rungs_, trial.reports.back().step + 1));
      if (arrived.size() < rungs) arrived.resize(rungs);
      for (size_t k = 0; k < rungs; ++k) arrived[k].push_back(&trial);
    }
    return arrived;
  }

  // A paused trial that is among the best 1 / reduction of its rung, or the `least` best; from the
  // highest rung on. -1: none.
  int64_t promotable(const std::vector<std::vector<const TrialRecord*>>& arrived,
                     int64_t least) const {
    for (size_t k = arrived.size(); k-- > 0;) {
      const auto waits = [&](const TrialRecord* trial) {
        return internal::paused(*trial) &&
               internal::passed(rungs_, trial->resume_step) == static_cast<int64_t>(k) + 1;
      };
      const int64_t quota = std::max(static_cast<int64_t>(arrived[k].size()) / reduction_, least);
      if (quota == 0 || std::none_of(arrived[k].begin(), arrived[k].end(), waits)) continue;
      const std::vector<int64_t> ranked = internal::ranked_after(rungs_[k], arrived[k]);
      for (size_t i = 0; i < std::min(ranked.size(), static_cast<size_t>(quota)); ++i) {
        const auto at = std::find_if(arrived[k].begin(), arrived[k].end(),
                                     [&](const auto* t) { return t->number == ranked[i]; });
        if (waits(*at)) return ranked[i];
      }
    }
    return -1;
  }

  int64_t reduction_;
  std::vector<int64_t> rungs_;  // steps
};

}  // namespace

std::shared_ptr<const Scheduler> asha(AshaOptions options) {
  return std::make_shared<Asha>(options);
}

}  // namespace attune::tune
