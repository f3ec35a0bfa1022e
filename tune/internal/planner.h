#pragma once
// Asks the scheduler, and shows it what it may see: the present, or, in a deterministic study, what
// the turns before have left. It is never asked under the ledger's lock, so that it may ask the
// study in turn.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "attune/tune/internal/fed_history.h"
#include "attune/tune/internal/lagged_views.h"
#include "attune/tune/internal/ledger.h"
#include "attune/tune/scheduler.h"

namespace attune::tune {

class Planner {
 public:
  // `scheduler`: null where every trial runs to its end. `views`: of a deterministic study; else
  // null. `declared`: the space, if it is known ahead.
  Planner(std::shared_ptr<const Scheduler> scheduler, Ledger& ledger, size_t feed,
          const LaggedViews* views, std::shared_ptr<const Space> declared);
  void set_seed(uint64_t seed) { seed_ = seed; }

  // After the report of `step`, the last that this run of the trial has made.
  Verdict after(int64_t number, int64_t turn, int64_t step);

  struct Plan {
    Next next = {};
    // To wait: for a trial whose turn must be over first; -1: for any that runs.
    int64_t open = -1;
  };
  Plan next(bool may_start);

 private:
  using LeftOut = std::function<bool(int64_t)>;
  Plan next_turn(bool may_start);
  bool asks_next() const { return scheduler_ && !scheduler_->only_stops(); }
  Next ask(const History& history, int64_t number, bool may_start) const;
  // With the ledger's lock.
  void begin_turn(int64_t turn, const History& now, const LeftOut& left_out);
  void end_turn(History& history, int64_t turn, const History& now, const LeftOut& left_out) const;

  // While the scheduler is asked.
  class Asking {
   public:
    explicit Asking(Planner& planner);
    ~Asking() { planner_.asking_ = std::thread::id(); }

   private:
    Planner& planner_;
    std::unique_lock<std::mutex> lock_;
  };

  std::shared_ptr<const Scheduler> scheduler_;
  Ledger& ledger_;
  const LaggedViews* views_;
  std::shared_ptr<const Space> declared_;
  uint64_t seed_ = 0;

  std::mutex mutex_;
  std::atomic<std::thread::id> asking_ = {};
  FedHistory seen_;  // of a study that is not deterministic
  // Deterministic: every turn has begun, and those older than the lag are over.
  History planned_;
  int64_t begun_ = 0, over_ = 0;
  std::vector<int64_t> begun_last_;  // by trial: the last turn of it that has begun
};

}  // namespace attune::tune
