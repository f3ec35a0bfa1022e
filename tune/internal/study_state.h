#pragma once
// The inside of a Study, shared by its handles and its trials: the storage's log, the history read
// from it, and the lock around both. The one place that knows of maximising and of seeds.

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/tune/study.h"

namespace attune::tune {

// A system attribute of the trials that confirm() runs: JSON text, the number of the trial that is
// run again, or "default", or "first".
inline constexpr char kRepeats[] = "attune:confirms";
inline constexpr char kError[] = "attune:error";      // a trial's: why it failed, as JSON text
inline constexpr char kStopped[] = "attune:stopped";  // the study's: why stop_when ended it

class StudyState : public std::enable_shared_from_this<StudyState> {
 public:
  explicit StudyState(StudyOptions options);

  // `wait`: a deterministic study's trial waits for those it depends on; else ValueError.
  Trial ask(bool wait);
  void tell(Trial& trial, const Outcome& outcome);  // the trial lets go of the study
  void tell(int64_t number, const Outcome& outcome);
  Trial begin(const Params& params);
  int64_t enqueue(const Params& params);
  // A trial of confirm(), with these values and otherwise the default ones; `what` is JSON text
  // that says whose run it is.
  Trial repeat(const std::string& what, const Params& params);
  double choose(Trial& trial, const Param& param);
  Params suggest(Trial& trial, const Space& space);
  void report(int64_t number, int64_t step, std::span<const double> values);  // one per objective
  bool should_stop(int64_t number);
  void set_constraint(int64_t number, std::string_view name, double value);  // "": without a name
  void set_attribute(int64_t trial, std::string_view name, std::string json);

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
  std::string stops(const StoppingRule& rule);
  History history();
  Space space();
  // What confirm() takes for the default configuration: whose run it is, and its values.
  std::pair<std::string, Params> default_configuration();

  Rng rng(int64_t trial) const { return Rng(seed_).fork(trial); }
  uint64_t seed() const { return seed_; }
  const StudyOptions& options() const { return options_; }
  const std::vector<Direction>& directions() const { return log_->directions(); }

  std::atomic<bool> stopping{false};

 private:
  // All below: with the lock held.
  void sync();  // reads what is new in the storage
  bool append(std::span<const Event> events);
  bool append(Event event) { return append(std::span<const Event>(&event, 1)); }
  void settle_seed();
  const TrialRecord& record(int64_t number) const;
  TrialResult to_result(const TrialRecord& trial) const;
  std::vector<TrialResult> all_results() const;
  Params to_params(const TrialRecord& trial) const;
  std::string trial_name(int64_t number) const;
  const TrialRecord* best_record();

  std::shared_ptr<const Param> admit(const Param& param);  // checked, and interned if it was known
  std::shared_ptr<const Space> joint_space(const History& history) const;
  std::shared_ptr<const Space> without_held(std::shared_ptr<const Space> space,
                                            const Params& enqueued) const;
  void check_enqueued(const Params& params) const;
  // A trial that runs from the start, so that no other process takes it for work to do.
  Trial created(std::vector<Event> events, const Params& params);
  void keep_note(const Question& question);
  void propose(Trial& trial, const Space& space);
  std::vector<double> draw(Trial& trial, const Space& space, const Question& question);
  double choose_locked(Trial& trial, const Param& param);
  bool first_is_default(const Trial& trial) const;
  void remember(const Param& param);  // what a storage's distributions do not hold

  // What the search knows: everything but the runs of confirm().
  const History& search() const { return search_ ? *search_ : history_; }
  bool repeats(int64_t number) const {
    return !repeats_.empty() && repeats_.find(number) != repeats_.end();
  }

  // What trial `number` may see, now and until its end.
  const History& view(int64_t number) const;
  int64_t unsettled_below(int64_t limit) const;  // -1: all trials below `limit` have ended
  void prepare_view(int64_t number);

  StudyOptions options_;
  std::shared_ptr<const Space> declared_;  // null: found by running
  std::shared_ptr<Storage> storage_;
  std::unique_ptr<StudyLog> log_;
  std::vector<double> signs_;
  uint64_t seed_ = 0;
  Rng sampler_rng_;

  std::vector<Chosen> chosen_;  // of the trial that asks

  mutable std::mutex mutex_;
  std::condition_variable ended_;  // some trial has
  History history_;
  // Once there are runs of confirm(): their numbers, and the history without them.
  std::set<int64_t> repeats_;
  std::optional<History> search_;
  // Deterministic: trial k sees views_[k % (lag + 1)], which holds the trials below k - lag. The
  // trial that used it before, k - lag - 1, has ended by then.
  std::vector<History> views_;
  mutable int64_t settled_ = 0;  // all trials below have ended
  int64_t best_ = -1;
  size_t best_scanned_ = 0;
};

// ValueError: a name or text that is not UTF-8, which would leave a study that Python cannot open.
void require_utf8(std::string_view what, std::string_view text);

// Runs the objective and tells the study how it went; returns what the objective threw, if it did.
std::exception_ptr run_trial(StudyState& study, Trial& trial, const Objective& objective);

}  // namespace attune::tune
