#pragma once
// What is known of a study: its events, understood. Samplers and pruners read nothing else.

#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/event.h"
#include "attune/tune/space.h"

namespace attune::tune {

// One trial. Losses: lower is better, whatever the study's direction.
struct TrialRecord {
  struct Use {
    int32_t param = 0;  // an index into History::params()
    double value = 0;   // see Param
  };
  struct Report {
    int64_t step = 0;
    double loss = 0;                   // of the first objective
    std::vector<double> further = {};  // of the others
  };
  struct Constraint {
    std::string name;  // of one without a name its place: "0", "1", ...
    double value = 0;  // at most 0: kept
  };

  int64_t number = 0;
  State state = State::waiting;
  std::vector<Use> params = {};      // in the order chosen
  std::vector<Report> reports = {};  // by step
  std::string worker = {};           // who claimed it last, as JSON text; empty: unknown
  int64_t resume_step = 0;           // the step it goes on with, or has gone on with last
  int64_t parent = -1;               // the trial it was forked from; -1: none
  int64_t fork_step = -1;            // the parent's last step before that
  int64_t retry_of = -1;             // the first trial that it repeats; -1: none
  int64_t retries = 0;               // of the first: trials that repeat it …
  int64_t last_retry = -1;           // … and the last of them
  // What a scheduler decided last, and on which step's report; -1: nothing.
  int64_t decided_step = -1;
  Decided::What decided = Decided::What::stop;
  std::vector<double> losses = {};  // complete: one per objective; pruned: the last report or none
  std::vector<Constraint> constraints = {};                   // those without a name first
  double started = 0, ended = 0;                              // seconds since 1970
  std::map<std::string, std::string> user = {}, system = {};  // attributes, JSON text

  // The first objective's; NaN when there is none.
  double loss() const {
    return losses.empty() ? std::numeric_limits<double>::quiet_NaN() : losses.front();
  }

  // How far the trial is from feasible: the sum of the constraints' positive values. 0: feasible;
  // so is a trial without constraints.
  double violation() const;

  // Paused because its run ended, not by a scheduler: the next run goes on with it.
  bool interrupted() const;
};

class History {
 public:
  // signs: 1 for an objective to minimise, -1 to maximise; that many values does a trial have.
  explicit History(std::vector<double> signs = {1.0});

  // Events may come twice (the second time changes nothing), and from any process; what comes after
  // a trial's end is ignored. A trial's Created comes before all else about it. StorageError for
  // what cannot be, such as a trial that nobody created: a storage's rows may be damaged.
  void apply(const Event& event);

  // Takes over a trial as it is in another history. Those with lower numbers that are not known yet
  // are there as waiting ones. What has ended here stays as it is.
  void adopt(const TrialRecord& trial, const History& from);

  // Treats the trial as waiting and ignores later events about it. Before it ends.
  void hide(int64_t number);

  const std::vector<TrialRecord>& trials() const { return trials_; }  // by number
  const std::vector<int64_t>& finished() const {
    return finished_;
  }  // numbers, in order of finishing
  size_t objectives() const { return signs_.size(); }
  bool constrained() const { return constrained_; }  // some trial has constraints
  int64_t retries() const { return retries_; }       // trials that repeat others
  // The trial that a further attempt would repeat; -1: there has been one already.
  int64_t first_attempt(const TrialRecord& trial) const;
  const std::vector<double>& signs() const { return signs_; }  // value = sign * loss
  int64_t count(State state) const { return counts_[static_cast<size_t>(state)]; }
  const std::vector<int64_t>& open() const {
    return open_;
  }  // numbers of those not ended, ascending

  // All parameters ever used; the same name may be there more than once, with different bounds.
  const std::vector<std::shared_ptr<const Param>>& params() const { return params_; }
  // The parameter's entry in params(), a new one if need be.
  int32_t intern(const Param& param);
  const Param* latest(std::string_view name) const;  // null: no such parameter yet

  // The trial's value of the parameter, as a unit of `param`'s present range; NaN when the trial
  // has none (for a conditional parameter: it was inactive), or one that `param` cannot have now
  // (Param::value_from): the range has been narrowed, or the choice been left out.
  double unit(const TrialRecord& trial, const Param& param) const;

  // The parameters that every complete trial has had, with unchanged ranges, by name; for
  // objectives that define their space by running.
  std::shared_ptr<const Space> shared_space() const { return shared_; }

  const std::map<std::string, std::string>& user() const {
    return user_;
  }  // the study's attributes
  const std::map<std::string, std::string>& system() const { return system_; }

 private:
  void on(const Created& e);
  void on(const Claimed& e);
  void on(const ParamSet& e);
  void on(const Reported& e);
  void on(const Paused& e);
  void on(const Decided& e);
  void on(const Attribute& e);
  void on(const Finished& e);
  void on(const Forked& e);
  void on(const Retried& e);
  TrialRecord* unfinished(int64_t number);
  void set_state(TrialRecord& trial, State state);
  void note_finished(const TrialRecord& trial);
  void note_retry(const TrialRecord& trial);
  void rebuild_shared();

  std::vector<double> signs_;
  std::vector<TrialRecord> trials_;
  std::vector<int64_t> finished_;
  std::vector<std::shared_ptr<const Param>> params_;
  std::vector<int64_t> hidden_;  // ascending
  std::vector<int32_t> shared_ids_;
  std::shared_ptr<const Space> shared_;
  bool any_complete_ = false;
  bool constrained_ = false;
  int64_t retries_ = 0;
  int64_t counts_[6] = {};
  std::vector<int64_t> open_;
  std::map<std::string, std::string> user_, system_;
};

}  // namespace attune::tune
