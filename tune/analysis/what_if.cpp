#include "attune/tune/analysis/what_if.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// One thing that happens to a trial: it starts (-1), makes report number 0, 1, ..., or ends.
struct Moment {
  double time;
  int64_t number;
  int64_t what;
  bool operator<(const Moment& other) const {
    if (time != other.time) return time < other.time;
    return number != other.number ? number < other.number : what < other.what;
  }
};
constexpr int64_t kStarts = -1, kEnds = std::numeric_limits<int64_t>::max();

class Replay {
 public:
  Replay(const History& history, const WhatIf& change)
      : log_(history), change_(change), now_(history.signs()) {
    sign_ = history.signs().front();
    for (const TrialRecord& trial : history.trials()) {
      if (trial.state == State::waiting) continue;
      const auto kept = static_cast<int64_t>(run_.size());
      if (change.trials && kept >= *change.trials) break;
      run_.push_back(&trial);
    }
    trials_.resize(run_.size());
    for (size_t k = 0; k < run_.size(); ++k) trials_[k] = planned(*run_[k]);
  }

  void by_time() {
    std::vector<size_t> place(log_.trials().size());  // in run_, by number
    for (size_t k = 0; k < run_.size(); ++k) place[static_cast<size_t>(run_[k]->number)] = k;
    for (const Moment& m : moments()) {
      const size_t k = place[static_cast<size_t>(m.number)];
      if (m.what == kStarts) {
        start(*run_[k]);
      } else if (m.what == kEnds) {
        end(k);
      } else {
        const TrialRecord& live = now_.trials()[static_cast<size_t>(m.number)];
        if (finished(live.state)) continue;
        report(k, m.what);
        if (change_.pruner && change_.pruner->should_stop(live, now_)) stop(k);
      }
    }
  }

  void by_lag(int64_t lag) {
    History view(log_.signs());
    for (size_t k = 0; k < run_.size(); ++k) {
      const int64_t number = run_[k]->number;
      start(*run_[k]);
      while (static_cast<int64_t>(view.trials().size()) < number - lag) {
        const auto next = view.trials().size();
        if (finished(now_.trials()[next].state)) {
          view.adopt(now_.trials()[next], now_);
        } else {
          view.apply(Created{static_cast<int64_t>(next)});
        }
      }
      for (int64_t i = 0, kept = trials_[k].reports; i < kept; ++i) {
        report(k, i);
        const TrialRecord& live = now_.trials()[static_cast<size_t>(number)];
        if (!change_.pruner || !change_.pruner->should_stop(live, view)) continue;
        stop(k);
        break;
      }
      if (finished(trials_[k].state)) end(k);
    }
  }

  WhatIfResult result() {
    WhatIfResult r{.best_value = kNaN, .actual_value = kNaN, .regret = kNaN};
    double found = kNaN;              // the value of the best in the log
    double least = 0, least_now = 0;  // violations of constraints, of the best so far
    const auto is_better = [](double violation, double loss, double least_one, double best_loss) {
      return violation != least_one ? violation < least_one : loss < best_loss;
    };
    for (const TrialRecord& trial : log_.trials()) {
      if (trial.state != State::complete || std::isnan(trial.loss())) continue;
      const double violation = trial.violation();
      if (r.actual_best && !is_better(violation, trial.loss(), least, sign_ * r.actual_value)) {
        continue;
      }
      r.actual_best = trial.number;
      r.actual_value = sign_ * trial.loss();
      least = violation;
    }
    for (size_t k = 0; k < run_.size(); ++k) {
      const WhatIfTrial& trial = trials_[k];
      const TrialRecord& logged = *run_[k];
      r.reports += trial.reports, r.reports_logged += trial.reports_logged;
      r.stopped += trial.stopped_at.has_value();
      r.unknown += logged.state == State::pruned && trial.state == State::pruned &&
                   !trial.stopped_at && trial.reports == trial.reports_logged;
      const double seconds = logged.ended - logged.started;
      if (finished(logged.state) && logged.started > 0 && logged.ended > 0) {
        const double share =
            trial.reports_logged == 0
                ? 1
                : static_cast<double>(trial.reports) / static_cast<double>(trial.reports_logged);
        r.seconds += seconds * share, r.seconds_logged += seconds;
      }
      if (trial.state != State::complete || std::isnan(trial.value)) continue;
      const double violation = logged.violation();
      if (r.best && !is_better(violation, sign_ * trial.value, least_now, sign_ * r.best_value)) {
        continue;
      }
      r.best = trial.number;
      r.best_value = trial.value;
      least_now = violation;
      found = sign_ * logged.loss();
    }
    if (r.best && r.actual_best) r.regret = sign_ * (found - r.actual_value);
    r.trials = std::move(trials_);
    return r;
  }

 private:
  bool within_steps(const TrialRecord::Report& report) const {
    return !change_.steps || report.step < *change_.steps;
  }

  // What becomes of the trial if no pruner stops it.
  WhatIfTrial planned(const TrialRecord& logged) const {
    WhatIfTrial trial{.number = logged.number, .state = logged.state, .value = kNaN};
    trial.reports_logged = static_cast<int64_t>(logged.reports.size());
    int64_t kept = 0;
    while (kept < trial.reports_logged && within_steps(logged.reports[static_cast<size_t>(kept)])) {
      ++kept;
    }
    trial.reports = kept;
    double loss = logged.loss();
    if (kept < trial.reports_logged) {  // it ends at the limit, whatever became of it later
      loss = kept > 0 ? logged.reports[static_cast<size_t>(kept - 1)].loss : kNaN;
      trial.state = std::isnan(loss) ? State::failed : State::complete;
    }
    trial.value = sign_ * loss;
    return trial;
  }

  // Reports at or beyond the limit of steps are left out; the trial then ends with its last one.
  std::vector<Moment> moments() const {
    bool timed = true;
    double latest = 0;
    for (const TrialRecord* t : run_) {
      timed = timed && t->started > 0 && (!finished(t->state) || t->ended >= t->started);
      latest = std::max({latest, t->started, t->ended});
    }
    std::vector<Moment> all;
    for (size_t k = 0; k < run_.size(); ++k) {
      const TrialRecord& t = *run_[k];
      const bool ended = finished(t.state);
      const double from = timed ? t.started : static_cast<double>(k);
      const double to = !timed ? from : ended ? t.ended : latest;
      const int64_t logged = trials_[k].reports_logged;
      const auto time_of = [&](int64_t report) {
        if (report + 1 >= logged) return to;
        return from + (to - from) * static_cast<double>(report + 1) / static_cast<double>(logged);
      };
      all.push_back({from, t.number, kStarts});
      for (int64_t i = 0; i < trials_[k].reports; ++i) all.push_back({time_of(i), t.number, i});
      const bool cut = trials_[k].reports < logged;
      if (cut) {
        all.push_back({std::min(to, time_of(trials_[k].reports - 1)), t.number, kEnds});
      } else if (ended) {
        all.push_back({to, t.number, kEnds});
      }
    }
    std::sort(all.begin(), all.end());
    return all;
  }

  void start(const TrialRecord& logged) {
    for (auto n = static_cast<int64_t>(now_.trials().size()); n <= logged.number; ++n) {
      now_.apply(Created{n});
    }
    now_.apply(Claimed{logged.number, logged.started});
    for (const TrialRecord::Use& use : logged.params) {
      now_.apply(ParamSet{logged.number, log_.params()[static_cast<size_t>(use.param)], use.value});
    }
    for (const auto& [name, json] : logged.user) attribute(logged.number, false, name, json);
    for (const auto& [name, json] : logged.system) attribute(logged.number, true, name, json);
  }

  void attribute(int64_t number, bool system, const std::string& name, const std::string& json) {
    now_.apply(Attribute{number, system, std::make_shared<const std::string>(name),
                         std::make_shared<const std::string>(json)});
  }

  void report(size_t k, int64_t index) {
    const TrialRecord::Report& r = run_[k]->reports[static_cast<size_t>(index)];
    now_.apply(Reported{run_[k]->number, r.step, sign_ * r.loss});
  }

  void stop(size_t k) {
    const TrialRecord& live = now_.trials()[static_cast<size_t>(run_[k]->number)];
    WhatIfTrial& trial = trials_[k];
    trial.state = State::pruned;
    trial.stopped_at = live.reports.back().step;
    trial.reports = static_cast<int64_t>(live.reports.size());
    trial.value = sign_ * live.reports.back().loss;
    end(k);
  }

  void end(size_t k) {
    const WhatIfTrial& trial = trials_[k];
    Finished event{
        .trial = trial.number, .state = trial.state, .values = {}, .time = run_[k]->ended};
    if (!std::isnan(trial.value)) event.values = {trial.value};
    now_.apply(event);
  }

  const History& log_;
  const WhatIf& change_;
  History now_;  // the study as it would have been
  double sign_ = 1;
  std::vector<const TrialRecord*> run_;
  std::vector<WhatIfTrial> trials_;  // of run_
};

}  // namespace

WhatIfResult what_if(const History& history, const WhatIf& change, std::optional<int64_t> lag) {
  if (history.objectives() > 1) {
    throw ValueError(
        fmt::format("what_if: it takes a study of one objective, not of {}", history.objectives()));
  }
  for (const auto& limit : {change.trials, change.steps}) {
    if (limit && *limit < 0) {
      throw ValueError(fmt::format("what_if: trials and steps must be 0 or more, not {}", *limit));
    }
  }
  Replay replay(history, change);
  if (lag) {
    replay.by_lag(*lag);
  } else {
    replay.by_time();
  }
  return replay.result();
}

WhatIfResult Study::what_if(const WhatIf& change) const {
  const StudyOptions& options = state_->options();
  return tune::what_if(history(), change,
                       options.deterministic ? std::optional(options.lag) : std::nullopt);
}

}  // namespace attune::tune
