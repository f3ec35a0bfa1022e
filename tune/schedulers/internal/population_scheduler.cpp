#include "attune/tune/schedulers/internal/population_scheduler.h"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/schedulers/internal/rungs.h"

namespace attune::tune::internal {
namespace {

constexpr int64_t kPart = 4;  // a quarter is replaced

}  // namespace

PopulationScheduler::PopulationScheduler(const char* name, int64_t size, int64_t interval)
    : name_(name), size_(size), interval_(interval) {
  if (size >= 2 && interval >= 1) return;
  throw ValueError(fmt::format("{}: size ({}) must be 2 or more, interval ({}) 1 or more", name,
                               size, interval));
}

Verdict PopulationScheduler::after(const TrialRecord& trial, const History&) const {
  const int64_t now = trial.reports.back().step + 1;
  if (now / interval_ <= trial.resume_step / interval_) return Verdict::go_on;
  return is_nan(trial.reports.back()) ? Verdict::stop : Verdict::pause;
}

Next PopulationScheduler::next(const Situation& now) const {
  int64_t started = 0;
  const Members members = latest(now.history, started);
  const bool any_open = std::any_of(members.begin(), members.end(),
                                    [](const auto* t) { return !finished(t->state); });
  if (started < size_ || !any_open) {
    if (now.may_start) return {};
    if (!any_open) return {};
  }
  // All go from one comparison to the next together; those that have not come as far go first.
  const auto round_of = [this](const TrialRecord& t) { return t.resume_step / interval_; };
  int64_t round = std::numeric_limits<int64_t>::max();
  for (const TrialRecord* t : members) {
    if (!finished(t->state)) round = std::min(round, round_of(*t));
  }
  Members here;  // wait at this comparison
  bool others_run = false;
  for (const TrialRecord* t : members) {
    if (finished(t->state) || round_of(*t) != round) continue;
    if (paused(*t)) {
      here.push_back(t);
    } else {  // unless it has gone on from here already, or was made here
      others_run = others_run || !(came_to(*t, round) || made_at(*t, round));
    }
  }
  if (others_run || here.empty()) return Next::wait();
  return round == 0 ? Next::resume(here.front()->number) : compare(members, here, round, now);
}

bool PopulationScheduler::made_at(const TrialRecord& trial, int64_t round) const {
  return trial.parent >= 0 && (trial.fork_step + 1) / interval_ == round;
}

// It has trained its way to the comparison itself.
bool PopulationScheduler::came_to(const TrialRecord& trial, int64_t round) const {
  if (round == 0 || (trial.parent >= 0 && (trial.fork_step + 1) / interval_ >= round)) {
    return false;
  }
  return report_after(trial, round * interval_) != nullptr;
}

// Every `size` trials that are no forks begin a population, to which their forks belong, and
// further attempts at those that failed.
Members PopulationScheduler::latest(const History& history, int64_t& started) const {
  const auto& trials = history.trials();
  std::vector<int64_t> of(trials.size(), -1);
  int64_t all = 0;
  for (const TrialRecord& trial : trials) {
    if (trial.state == State::waiting) continue;
    const auto n = static_cast<size_t>(trial.number);
    const int64_t before = trial.parent >= 0 ? trial.parent : trial.retry_of;
    of[n] = before >= 0 ? of[static_cast<size_t>(before)] : all++ / size_;
  }
  const int64_t last = all == 0 ? 0 : (all - 1) / size_;
  started = all - last * size_;
  Members members;
  for (size_t n = 0; n < trials.size(); ++n) {
    if (of[n] == last) members.push_back(&trials[n]);
  }
  return members;
}

// The worst are replaced first, while their betters wait; then they end, and the others go on.
Next PopulationScheduler::compare(const Members& members, const Members& here, int64_t round,
                                  const Situation& now) const {
  Members came;
  int64_t forks = 0;
  for (const TrialRecord* t : members) {
    if (came_to(*t, round)) came.push_back(t);
    forks += made_at(*t, round);
  }
  const std::vector<int64_t> ranked = ranked_after(round * interval_, came);
  const auto part = static_cast<int64_t>(ranked.size()) / kPart;
  const auto waits = [&](int64_t number) {
    return std::any_of(here.begin(), here.end(),
                       [number](const auto* t) { return t->number == number; });
  };
  if (forks < part && now.may_start) {
    std::vector<int64_t> parents;
    for (int64_t i = 0; i < part; ++i) {
      if (waits(ranked[static_cast<size_t>(i)])) parents.push_back(ranked[static_cast<size_t>(i)]);
    }
    if (!parents.empty()) {
      Rng rng = Rng(now.seed).fork(name_).fork(now.number);
      const int64_t parent = parents[rng.below(parents.size())];
      return Next::fork(parent, explored({parent, forks, round, members, now}, rng));
    }
  }
  for (int64_t i = 0; i < std::min(forks, part); ++i) {
    const int64_t worst = ranked[ranked.size() - 1 - static_cast<size_t>(i)];
    if (waits(worst)) return Next::stop(worst);
  }
  return Next::resume(here.front()->number);
}

}  // namespace attune::tune::internal
