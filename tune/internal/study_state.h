#pragma once
// The inside of a Study, shared by its handles and its trials: the ledger of what it holds, the
// chooser of parameters, the runs that are on. The one place that knows of maximising and of seeds.

#include <chrono>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/tune/internal/checkpoints.h"
#include "attune/tune/internal/chooser.h"
#include "attune/tune/internal/lagged_views.h"
#include "attune/tune/internal/ledger.h"
#include "attune/tune/internal/planner.h"
#include "attune/tune/internal/run_limits.h"
#include "attune/tune/study.h"

namespace attune::tune {

inline constexpr char kError[] = "attune:error";      // a trial's: why it failed, as JSON text
inline constexpr char kStopped[] = "attune:stopped";  // the study's: why stop_when ended it

// What was told of a trial is not kept, since another program has ended it.
struct EndedElsewhere : StorageError {
  using StorageError::StorageError;
};

class StudyState : public std::enable_shared_from_this<StudyState> {
 public:
  explicit StudyState(StudyOptions options);

  // The next trial, after a wait for those it depends on, if need be; nothing once the limits are
  // reached, or when nothing is left to do. Without limits it does not wait: ValueError.
  // Without `may_start`: one that has begun already.
  std::optional<Trial> ask(const std::shared_ptr<RunLimits>& limits, bool may_start = true);
  void tell(Trial& trial, const Outcome& outcome);    // the trial lets go of the study
  bool finish(Trial& trial, const Outcome& outcome);  // the same; false: see below
  // False: it has been ended by somebody else.
  bool tell(int64_t number, const Outcome& outcome);
  // Lets go of a trial that runs; it is told by number from now on.
  TrialResult hand_out(Trial& trial);
  // ValueError unless the trial runs, and for nobody else.
  void check_told_by_number(std::string_view what, int64_t number);
  bool report_by_number(int64_t number, int64_t step, std::span<const double> values);
  Trial begin(const Params& params);
  int64_t enqueue(const Params& params);
  // A trial of confirm(), with these values and otherwise the default ones; `what` is JSON text
  // that says whose run it is.
  Trial repeat(const std::string& what, const Params& params,
               const std::shared_ptr<RunLimits>& limits);
  double choose(Trial& trial, const Param& param) { return chooser_.choose(trial, param); }
  Params suggest(Trial& trial, const Space& space) { return chooser_.suggest(trial, space); }
  void report(int64_t number, int64_t step, std::span<const double> values);  // one per objective
  // Of the scheduler, after the report of this step.
  Verdict verdict(int64_t number, int64_t turn, int64_t step);
  void set_constraint(int64_t number, std::string_view name, double value,
                      int64_t place = 0);  // "": without a name, the trial's so-many-th
  // at_once: it is in the storage when this returns, as those of the study are in any case.
  void set_attribute(int64_t trial, std::string_view name, std::string json, bool at_once = false);

  // The last report of a trial that was paused after its last step, as turns out when it goes on:
  // its value. Nothing: it has reported since, or never.
  std::optional<Outcome> end_at_pause(const Trial& trial) const;
  // What a trial that pauses after the step will go on with.
  void keep(int64_t number, int64_t step, std::span<const keeping::StateRef> states);
  // The same, when another process has written it.
  void kept_in_files(int64_t number, int64_t step, size_t states);
  Checkpoints& checkpoints() { return checkpoints_; }

  std::vector<TrialResult> results();
  TrialResult result(int64_t number);
  TrialResult best();
  bool has_best();
  std::vector<TrialResult> pareto();
  Params params(int64_t number) const;
  int64_t size();
  int64_t made();  // without those that repeat others
  int64_t count(State state);
  int64_t total_steps();
  std::vector<LineagePart> lineage(int64_t number);
  bool exhausted();
  std::map<std::string, std::string> attributes();

  // Why optimize() is to end before its next trial; empty: it is not. A deterministic study waits
  // for the trials that the next one depends on, and asks about those alone.
  std::string stops(const StoppingRule& rule, const RunLimits& limits);
  History history();
  Space space();
  // What confirm() takes for the default configuration: whose run it is, and its values.
  std::pair<std::string, Params> default_configuration();

  Rng rng(int64_t trial) const { return Rng(seed_).fork(trial); }
  Rng study_rng(std::string_view name) const { return Rng(seed_).fork("study").fork(name); }
  uint64_t seed() const { return seed_; }
  const StudyOptions& options() const { return options_; }
  const std::vector<Direction>& directions() const { return ledger_->directions(); }
  std::string trial_name(int64_t number) const;
  Runs& runs() { return runs_; }

 private:
  void settle_seed();
  // What ask() is to run: a trial that waits, is paused or lost its worker, or a new one.
  struct Todo {
    int64_t number = 0;
    std::optional<State> state = {};       // as it is now; none: it is to be made
    std::string worker = {};               // running: whose it was
    std::optional<int64_t> step = {};      // paused: after which
    std::optional<int64_t> parent = {};    // a fork's; `step` is the parent's
    Params params = {};                    // of a new one, from the scheduler
    std::optional<int64_t> retry_of = {};  // it repeats this one

    bool begun() const { return state && *state != State::waiting; }
  };
  std::optional<Todo> broken_off(bool look_now);
  std::optional<Todo> lapsed(bool look_now);
  // What has failed and is to be tried again. Where another trial may have to end first, which is
  // `open`.
  struct Again {
    std::optional<Todo> todo = {};
    int64_t open = -1;
  };
  Again failed_before(const RunLimits& limits, bool last);
  std::optional<Todo> retry_of(int64_t number, const History& history, int64_t most) const;
  Todo todo_of(const Next& next) const;
  void end_paused(int64_t number);
  void fail(int64_t number, const std::string& worker, const std::string& reason);
  std::optional<Trial> claim(const Todo& todo, const std::shared_ptr<RunLimits>& limits);
  std::vector<Event> claim_events(const Todo& todo) const;
  std::string attempts_text(int64_t first) const;
  void hand_over(Trial& trial, const Todo& todo);
  struct Patience {
    int64_t trial = -1;
    std::chrono::steady_clock::time_point since = {};
    std::chrono::steady_clock::time_point next_note = {};
  };
  bool anything_runs() const;
  bool wait_for(int64_t open, const RunLimits& limits, Patience& patience);
  bool reported(int64_t number, int64_t step) const;
  Reported checked_report(int64_t number, int64_t step, std::span<const double> values) const;
  std::vector<double> last_values(const TrialRecord& trial) const;
  void drop_old_checkpoints();
  const LaggedViews* prepare_views();

  // A trial that runs from the start, so that no other process takes it for work to do.
  Trial created(std::vector<Event> events, const Params& params);
  const TrialRecord& record(const History& history, int64_t number) const;
  const TrialRecord* best_record(const History& search);

  Runs runs_;
  StudyOptions options_;
  uint64_t seed_ = 0;
  std::unique_ptr<Ledger> ledger_;
  std::optional<LaggedViews> views_;  // deterministic
  Chooser chooser_;
  Planner planner_;
  Checkpoints checkpoints_;

  std::mutex retry_mutex_;  // before the ledger's
  int64_t retries_ = 0;     // as asked for last
  int64_t retry_from_ = 0;  // what ended before, or the turns before, are settled
  std::mutex best_mutex_;   // before the ledger's
  int64_t best_ = -1;
  size_t best_scanned_ = 0;
  std::string best_space_ = {};  // the kept space's text, by which trials were left out
};

inline constexpr char kFixed[] = "fixed_params";  // Optuna's: a trial's values given beforehand
Params fixed_params(const TrialRecord& trial);

double unix_time();  // seconds since 1970
Attribute attribute(int64_t trial, bool system, std::string_view name, std::string json);

// ValueError: a name or text that is not UTF-8, which would leave a study that Python cannot open.
void require_utf8(std::string_view what, std::string_view text);

// Runs the objective and tells the study how it went; returns what the objective threw, if it did.
std::exception_ptr run_trial(StudyState& study, Trial& trial, const Objective& objective);

}  // namespace attune::tune
