#include "attune/tune/internal/planner.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "attune/base/error.h"

namespace attune::tune {
namespace {

// What has been decided on the trial since it was last resumed, as of `step`. Nothing: it is to be
// decided. A trial that starts again, because nothing was kept of it or its worker died, passes
// steps that it has been at before.
std::optional<Verdict> known_verdict(const TrialRecord& trial, int64_t step) {
  if (finished(trial.state)) return Verdict::stop;  // somebody else has ended it
  if (trial.reports.empty() || step < trial.resume_step) return Verdict::go_on;
  if (trial.decided_step >= trial.resume_step && step >= trial.decided_step) {
    return trial.decided == Decided::What::pause ? Verdict::pause : Verdict::stop;
  }
  if (step < trial.reports.back().step) return Verdict::go_on;
  return std::nullopt;
}

}  // namespace

Planner::Planner(std::shared_ptr<const Scheduler> scheduler, Ledger& ledger, size_t feed,
                 const LaggedViews* views, std::shared_ptr<const Space> declared)
    : scheduler_(std::move(scheduler)),
      ledger_(ledger),
      views_(views),
      declared_(std::move(declared)),
      seen_(ledger, feed),
      planned_(ledger.signs()) {}

Planner::Asking::Asking(Planner& planner) : planner_(planner) {
  if (planner.asking_ == std::this_thread::get_id()) {
    throw ValueError(
        "scheduler: it asked its own study for a trial or a verdict, which waits for the "
        "scheduler");
  }
  lock_ = std::unique_lock(planner.mutex_);
  planner.asking_ = std::this_thread::get_id();
}

Verdict Planner::after(int64_t number, int64_t turn, int64_t step) {
  std::optional<Verdict> known;
  TrialRecord trial;  // a copy: the ledger's may move while the scheduler looks
  ledger_.look([&](const History& now) {
    const TrialRecord& record = now.trials()[static_cast<size_t>(number)];
    known = known_verdict(record, step);
    if (!known && scheduler_) trial = record;
  });
  if (known) return *known;
  if (!scheduler_ || ledger_.repeats(number)) return Verdict::go_on;
  Verdict said = Verdict::go_on;
  {
    const Asking asking(*this);
    said = scheduler_->after(trial, views_ ? views_->of(turn) : seen_.read());
  }
  if (said == Verdict::go_on) return said;
  const bool pause = said == Verdict::pause;
  ledger_.post(Decided{number, trial.reports.back().step,
                       pause ? Decided::What::pause : Decided::What::stop});
  return said;
}

Next Planner::ask(const History& history, int64_t number, bool may_start) const {
  const std::shared_ptr<const Space> space = declared_ ? declared_ : history.shared_space();
  return scheduler_->next({history, *space, seed_, number, may_start});
}

Planner::Plan Planner::next(bool may_start) {
  if (views_) return next_turn(may_start);
  if (!asks_next()) return {};
  const Asking asking(*this);
  const History& history = seen_.read();
  return {ask(history, static_cast<int64_t>(history.trials().size()), may_start)};
}

// Who runs can be seen, but not how that goes.
void Planner::begin_turn(int64_t turn, const History& now, const LeftOut& left_out) {
  const int64_t number = (*ledger_.turns())[turn].trial;
  const TrialRecord& trial = now.trials()[static_cast<size_t>(number)];
  begun_last_.resize(std::max(begun_last_.size(), static_cast<size_t>(number) + 1), -1);
  begun_last_[static_cast<size_t>(number)] = turn;
  if (planned_.trials().size() <= static_cast<size_t>(number)) {
    planned_.adopt({.number = number}, now);
  }
  if (left_out(number)) return;
  if ((*ledger_.turns())[turn].instant) return planned_.adopt(trial, now);
  if (trial.parent >= 0) planned_.apply(Forked{number, trial.parent, trial.fork_step});
  planned_.apply(Claimed{number, trial.started, {}});
}

void Planner::end_turn(History& history, int64_t turn, const History& now,
                       const LeftOut& left_out) const {
  const TrialRecord& trial = ledger_.turns()->result(turn, now);
  if (left_out(trial.number)) return;
  history.adopt(trial, now);
  if (begun_last_[static_cast<size_t>(trial.number)] > turn) {  // it has been resumed since
    history.apply(Claimed{trial.number, trial.started, {}});
  }
}

// What is next is decided on what the turns older than the lag have left. Where the scheduler would
// wait for the others, they are shown to it one by one: with one job they are over already, and it
// would wait for ever. So the decision is the same for any number of jobs.
Planner::Plan Planner::next_turn(bool may_start) {
  int64_t turns = 0, number = 0, open = -1;
  const auto catch_up = [&](const History& now, const LeftOut& left_out) {
    turns = ledger_.turns()->size();
    number = static_cast<int64_t>(now.trials().size());
    if (const int64_t turn = ledger_.turns()->open_before(turns - views_->lag()); turn >= 0) {
      open = (*ledger_.turns())[turn].trial;
      return;
    }
    if (!asks_next()) return;
    for (; begun_ < turns; ++begun_) begin_turn(begun_, now, left_out);
    for (; over_ < turns - views_->lag(); ++over_) end_turn(planned_, over_, now, left_out);
  };
  const Asking asking(*this);
  ledger_.look_at_all(catch_up);
  if (open >= 0) return {Next::wait(), open};
  if (!asks_next()) return {};
  // Nothing to start may be for what it has not been shown yet.
  const auto undecided = [&](const Next& one) {
    return one.what == Next::What::wait || (one.what == Next::What::start && !may_start);
  };
  Next next = ask(planned_, number, may_start);
  if (!undecided(next)) return {std::move(next)};

  History further = planned_;
  for (int64_t turn = over_; turn < turns; ++turn) {
    ledger_.look_at_all([&](const History& now, const LeftOut& left_out) {
      if (!(*ledger_.turns())[turn].over) {
        open = (*ledger_.turns())[turn].trial;
      } else {
        end_turn(further, turn, now, left_out);
      }
    });
    if (open >= 0) return {Next::wait(), open};
    next = ask(further, number, may_start);
    if (!undecided(next)) break;
  }
  return {std::move(next)};
}

}  // namespace attune::tune
