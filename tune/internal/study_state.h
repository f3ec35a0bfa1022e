#pragma once
// The inside of a Study, shared by its handles and its trials: the ledger of what it holds, the
// chooser of parameters, the runs that are on. The one place that knows of maximising and of seeds.

#include <any>
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

#include "attune/tune/internal/chooser.h"
#include "attune/tune/internal/lagged_views.h"
#include "attune/tune/internal/ledger.h"
#include "attune/tune/internal/run_limits.h"
#include "attune/tune/study.h"

namespace attune::tune {

inline constexpr char kError[] = "attune:error";      // a trial's: why it failed, as JSON text
inline constexpr char kStopped[] = "attune:stopped";  // the study's: why stop_when ended it

class StudyState : public std::enable_shared_from_this<StudyState> {
 public:
  explicit StudyState(StudyOptions options);

  // The next trial. A deterministic study's waits for those it depends on, until the limits are
  // reached: then nothing. Without limits it does not wait: ValueError.
  // `only_begun`: nothing but one that was broken off, by its run or by the death of its worker.
  std::optional<Trial> ask(const std::shared_ptr<RunLimits>& limits, bool only_begun = false);
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
  Verdict verdict(int64_t number);  // of the scheduler, on the last report
  void set_constraint(int64_t number, std::string_view name, double value,
                      int64_t place = 0);  // "": without a name, the trial's so-many-th
  // at_once: it is in the storage when this returns, as those of the study are in any case.
  void set_attribute(int64_t trial, std::string_view name, std::string json, bool at_once = false);

  // Copies of what a paused trial was given to keep, until it ends.
  void keep(int64_t number, int64_t step, std::vector<std::any> copies);
  std::vector<std::any> kept(int64_t number, int64_t step);  // none: not of that step

  std::vector<TrialResult> results();
  TrialResult result(int64_t number);
  TrialResult best();
  bool has_best();
  std::vector<TrialResult> pareto();
  Params params(int64_t number) const;
  int64_t size();
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
  uint64_t seed() const { return seed_; }
  const StudyOptions& options() const { return options_; }
  const std::vector<Direction>& directions() const { return ledger_->directions(); }
  std::string trial_name(int64_t number) const;
  Runs& runs() { return runs_; }

 private:
  void settle_seed();
  // What the next ask() is to run: a trial that waits, is paused or lost its worker, or a new one.
  struct Next {
    int64_t number = 0;
    std::optional<State> state = {};  // as it is now; none: it is to be made
    std::string worker = {};          // running: whose it was

    bool begun() const { return state && *state != State::waiting; }
  };
  Next next(const History& history) const;
  std::optional<Next> deal_with_lapsed(bool now);
  void fail(int64_t number, const std::string& worker, const std::string& reason);
  std::optional<Trial> claim(const Next& next, const std::shared_ptr<RunLimits>& limits);
  int64_t open_before(int64_t number) const;  // of a deterministic study; -1: nothing
  struct Patience {
    int64_t trial = -1;
    std::chrono::steady_clock::time_point since = {};
  };
  bool wait_for(int64_t open, int64_t number, const RunLimits& limits, Patience& patience);
  bool reported(int64_t number, int64_t step) const;
  Reported checked_report(int64_t number, int64_t step, std::span<const double> values) const;
  std::vector<double> last_values(const TrialRecord& trial) const;
  const LaggedViews* prepare_views();
  void prepare_view(int64_t number);

  // A trial that runs from the start, so that no other process takes it for work to do.
  Trial created(std::vector<Event> events, const Params& params);
  const TrialRecord& record(const History& history, int64_t number) const;
  const TrialRecord* best_record(const History& search);

  Runs runs_;
  StudyOptions options_;
  std::shared_ptr<const Scheduler> scheduler_;
  uint64_t seed_ = 0;
  std::unique_ptr<Ledger> ledger_;
  std::optional<LaggedViews> views_;  // deterministic
  Chooser chooser_;

  std::mutex best_mutex_;  // before the ledger's
  int64_t best_ = -1;
  size_t best_scanned_ = 0;
  std::mutex kept_mutex_;
  struct Kept {
    int64_t step = -1;
    std::vector<std::any> copies = {};
  };
  std::map<int64_t, Kept> kept_;
};

double unix_time();  // seconds since 1970
Attribute attribute(int64_t trial, bool system, std::string_view name, std::string json);

// ValueError: a name or text that is not UTF-8, which would leave a study that Python cannot open.
void require_utf8(std::string_view what, std::string_view text);

// Runs the objective and tells the study how it went; returns what the objective threw, if it did.
std::exception_ptr run_trial(StudyState& study, Trial& trial, const Objective& objective);

}  // namespace attune::tune
