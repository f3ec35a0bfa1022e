// Population based training, Jaderberg et al. (2017): truncation selection, with perturbation of
// the parameters. All members are compared after the same number of steps.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/rng.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/schedulers/internal/rungs.h"

namespace attune::tune {
namespace {

constexpr int64_t kPart = 4;                // a quarter is replaced
constexpr double kLess = 0.8, kMore = 1.2;  // a number times these
constexpr double kDrawnAnew = 0.25;         // choices, so often
constexpr int kDraws = 50;                  // to find parameters that forbid() leaves

// Members of the population that is on: its first trials, and the forks of them.
using Members = std::vector<const TrialRecord*>;

double perturbed(const Param& param, double value, Rng& rng) {
  if (param.kind == Param::Kind::categorical) {
    const bool anew = rng.uniform() < kDrawnAnew;
    return anew ? param.from_unit(rng.uniform()) : value;
  }
  const double factor = rng.uniform() < 0.5 ? kLess : kMore;
  const double times = std::clamp(value * factor, param.low, param.high);
  if (param.levels() == 0) return times;
  const int64_t level = param.level_of(value), moved = param.level_of(times);
  if (moved != level || param.levels() < 2) return param.level_value(moved);
  const bool up = (factor == kMore) == (value >= 0);  // one level at least
  return param.level_value(
      std::clamp<int64_t>(level + (up ? 1 : -1), 0, static_cast<int64_t>(param.levels()) - 1));
}

class Population : public Scheduler {
 public:
  explicit Population(PopulationOptions options) : options_(options) {
    if (options.size < 2 || options.interval < 1) {
      throw ValueError(
          fmt::format("population: size ({}) must be 2 or more, interval ({}) 1 or more",
                      options.size, options.interval));
    }
  }

  Verdict after(const TrialRecord& trial, const History&) const override {
    const int64_t now = trial.reports.back().step + 1;
    if (now / options_.interval <= trial.resume_step / options_.interval) return Verdict::go_on;
    return internal::is_nan(trial.reports.back()) ? Verdict::stop : Verdict::pause;
  }

  Next next(const Situation& now) const override {
    int64_t started = 0;
    const Members members = latest(now.history, started);
    const bool any_open = std::any_of(members.begin(), members.end(),
                                      [](const auto* t) { return !finished(t->state); });
    if (started < options_.size || !any_open) {
      if (now.may_start) return {};
      if (!any_open) return {};
    }
    // All go from one comparison to the next together; those that have not come as far go first.
    const auto round_of = [this](const TrialRecord& t) {
      return t.resume_step / options_.interval;
    };
    int64_t round = std::numeric_limits<int64_t>::max();
    for (const TrialRecord* t : members) {
      if (!finished(t->state)) round = std::min(round, round_of(*t));
    }
    Members here;  // wait at this comparison
    bool others_run = false;
    for (const TrialRecord* t : members) {
      if (finished(t->state) || round_of(*t) != round) continue;
      if (internal::paused(*t)) {
        here.push_back(t);
      } else {  // unless it has gone on from here already, or was made here
        others_run = others_run || !(came_to(*t, round) || made_at(*t, round));
      }
    }
    if (others_run || here.empty()) return Next::wait();
    return round == 0 ? Next::resume(here.front()->number) : compare(members, here, round, now);
  }

 private:
  bool made_at(const TrialRecord& trial, int64_t round) const {
    return trial.parent >= 0 && (trial.fork_step + 1) / options_.interval == round;
  }

  // It has trained its way to the comparison itself.
  bool came_to(const TrialRecord& trial, int64_t round) const {
    if (round == 0 || (trial.parent >= 0 && (trial.fork_step + 1) / options_.interval >= round)) {
      return false;
    }
    return internal::report_after(trial, round * options_.interval) != nullptr;
  }

  // Every `size` trials that are no forks begin a population, to which their forks belong.
  Members latest(const History& history, int64_t& started) const {
    const auto& trials = history.trials();
    std::vector<int64_t> of(trials.size(), -1);
    int64_t all = 0;
    for (const TrialRecord& trial : trials) {
      if (trial.state == State::waiting) continue;
      const auto n = static_cast<size_t>(trial.number);
      of[n] = trial.parent >= 0 ? of[static_cast<size_t>(trial.parent)] : all++ / options_.size;
    }
    const int64_t last = all == 0 ? 0 : (all - 1) / options_.size;
    started = all - last * options_.size;
    Members members;
    for (size_t n = 0; n < trials.size(); ++n) {
      if (of[n] == last) members.push_back(&trials[n]);
    }
    return members;
  }

  // The worst are replaced first, while their betters wait; then they end, and the others go on.
  Next compare(const Members& members, const Members& here, int64_t round,
               const Situation& now) const {
    Members came;
    int64_t forks = 0;
    for (const TrialRecord* t : members) {
      if (came_to(*t, round)) came.push_back(t);
      forks += made_at(*t, round);
    }
    const std::vector<int64_t> ranked = internal::ranked_after(round * options_.interval, came);
    const auto part = static_cast<int64_t>(ranked.size()) / kPart;
    const auto waits = [&](int64_t number) {
      return std::any_of(here.begin(), here.end(),
                         [number](const auto* t) { return t->number == number; });
    };
    if (forks < part && now.may_start) {
      std::vector<int64_t> parents;
      for (int64_t i = 0; i < part; ++i) {
        if (waits(ranked[static_cast<size_t>(i)]))
          parents.push_back(ranked[static_cast<size_t>(i)]);
      }
      if (!parents.empty()) {
        Rng rng = Rng(now.seed).fork("population").fork(now.number);
        const int64_t parent = parents[rng.below(parents.size())];
        return Next::fork(parent, explored(parent, now, rng));
      }
    }
    for (int64_t i = 0; i < std::min(forks, part); ++i) {
      const int64_t worst = ranked[ranked.size() - 1 - static_cast<size_t>(i)];
      if (waits(worst)) return Next::stop(worst);
    }
    return Next::resume(here.front()->number);
  }

  // Parameters near the parent's.
  static Params explored(int64_t parent, const Situation& now, Rng& rng) {
    const TrialRecord& trial = now.history.trials()[static_cast<size_t>(parent)];
    Params params;
    for (int draw = 0; draw < kDraws; ++draw) {
      params = {};
      std::vector<double> values = now.space.default_values();
      for (const TrialRecord::Use& use : trial.params) {
        const Param& param = *now.history.params()[static_cast<size_t>(use.param)];
        const double value = perturbed(param, use.value, rng);
        params.set(param.name, param.external(value));
        for (size_t i = 0; i < values.size(); ++i) {
          if (now.space.params()[i].name == param.name) values[i] = value;
        }
      }
      if (now.space.allowed(values)) return params;
    }
    params = {};
    for (const TrialRecord::Use& use : trial.params) {
      const Param& param = *now.history.params()[static_cast<size_t>(use.param)];
      params.set(param.name, param.external(use.value));
    }
    return params;
  }

  PopulationOptions options_;
};

}  // namespace

std::shared_ptr<const Scheduler> population(PopulationOptions options) {
  return std::make_shared<Population>(options);
}

}  // namespace attune::tune
