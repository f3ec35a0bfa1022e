#pragma once
// A study: many trials of one objective, a sampler that chooses what to try, a pruner that ends
// what is hopeless, and a storage that keeps it all.
//   tune::Study study({.direction = tune::maximize, .sampler = tune::random()});
//   study.optimize([](tune::Trial& t) -> tune::Outcome { return score(t.suggest_float("x", 0, 1));
//   },
//                  {.trials = 50});

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "attune/tune/pruner.h"
#include "attune/tune/sampler.h"
#include "attune/tune/scheduler.h"
#include "attune/tune/storage.h"
#include "attune/tune/trial.h"

namespace attune::tune {

// Of the analyses below: tune/analysis/ says what these hold.
struct ConfirmOptions;
struct ConfirmResult;
struct Estimate;
struct ImportanceOptions;
struct ParamImportance;
struct WhatIf;
struct WhatIfResult;
class StoppingRule;

inline constexpr Direction minimize = Direction::minimize;
inline constexpr Direction maximize = Direction::maximize;

// A storage, or its URL ("memory", "sqlite:///file.db").
struct StorageRef {
  StorageRef() = default;
  StorageRef(const char* where) : url(where) {}
  StorageRef(std::string where) : url(std::move(where)) {}
  StorageRef(std::shared_ptr<Storage> opened) : storage(std::move(opened)) {}

  std::string url = "memory";
  std::shared_ptr<Storage> storage = {};
};

// What the first trial of a new study is: the default configuration (the middle of each range, or
// what the space declares as its first value), or whatever the sampler says.
enum class First : uint8_t { defaults, sampler };

struct StudyOptions {
  std::string name = "study";  // an existing study of this name in the storage is resumed
  StorageRef storage = {};
  std::optional<Direction> direction = {};  // absent: as stored; a new study minimises
  std::vector<Direction> directions = {};   // for several objectives
  std::shared_ptr<Sampler> sampler = {};    // absent: automatic()
  std::shared_ptr<Pruner> pruner = {};      // absent: no_pruning()
  // In place of a pruner, schedulers.h; ValueError with both.
  std::shared_ptr<const Scheduler> scheduler = {};
  std::optional<uint64_t> seed = {};  // absent: as stored; a new study draws one and keeps it
  Space space = {};                   // when known ahead; otherwise found by running
  First first = First::defaults;
  // The same table of trials for any number of jobs: trial k's parameters and pruning depend on the
  // trials below k - lag alone, and k waits for them. At most lag + 1 trials then run at a time.
  bool deterministic = false;
  int64_t lag = 4;
  bool must_exist = false;  // StorageError when there is no study of that name
  // To look at a study that exists: nothing is written, and what would write throws StorageError.
  bool read_only = false;
  // The host's, which is about to end: once it returns true, no wait for a storage that another
  // process has locked takes a second more. Called from any thread; must not throw.
  std::function<bool()> stop = {};
};

// How far optimize() is.
struct Progress {
  int64_t trials = 0, wanted = 0;  // of this call; wanted 0: no limit
  int64_t complete = 0, pruned = 0, failed = 0;
  std::optional<TrialResult> best = {};  // of the study; absent with several objectives
  double seconds = 0;                    // since optimize() began
  std::string first_error = {};          // why the first trial that failed did
  std::string stopped = {};              // why stop_when ended it, once it has
  std::string waiting = {};              // for which trial of another process, in a long wait
  int64_t running = 0, paused = 0;       // of the study, in whichever process
};

// Where progress goes: nowhere, std::clog (`true`), or a function of one's own. Called after each
// trial, by one thread at a time.
class ProgressSink {
 public:
  ProgressSink(bool to_clog = false);
  template <typename F>
  requires std::is_invocable_v<F, const Progress&> ProgressSink(F sink) : sink_(std::move(sink)) {}

  explicit operator bool() const { return static_cast<bool>(sink_); }
  void operator()(const Progress& progress) const { sink_(progress); }

 private:
  std::function<void(const Progress&)> sink_;
};

struct OptimizeOptions {
  // In this call, from whichever thread; negative: ValueError. Trials that were broken off are
  // finished too, and not counted.
  int64_t trials = 100;
  // Once the study has so many trials, whoever made them, no new one is made; those that wait and
  // those that were broken off still run. Exact also with several processes.
  std::optional<int64_t> total = {};
  // Further attempts at each trial that fails, or has lost its process: trials of their own with
  // the same parameters, counted neither in `trials` nor in `total`. So are failures of earlier
  // calls that have had fewer. Not of forks, which have no state to start with any more. An attempt
  // starts anew at step 0.
  int64_t retries = 0;
  // Trials at a time, each on a thread. They have the cores first; each one's kernels share what is
  // left evenly, which grows as trials end (ThreadScope in the objective goes before).
  int jobs = 1;
  // No trial starts later, no wait goes on, and trials that ask stop_requested() end.
  std::optional<std::chrono::duration<double>> timeout = {};
  // Of each trial: one that asks stop_requested() ends by itself. With `isolate` one that does not
  // is ended half a second later by SIGTERM, and by SIGKILL after as long again.
  std::optional<std::chrono::duration<double>> trial_timeout = {};
  // Each trial runs in a process of its own, where a crash, an abort, an exit, a kill or too much
  // memory fails that trial alone, with the cause: "killed by SIGSEGV", "exit status 3", "memory
  // limit of 512 MB", "time limit of 60 s". The same trials as without. docs/isolation.md says
  // what a trial can see and what it can leave behind. Error when no process can be made.
  bool isolate = false;
  // Bytes that a trial may allocate beyond what the process had when optimize() began; an
  // allocation beyond throws. ValueError without `isolate`.
  std::optional<int64_t> trial_memory = {};
  std::function<bool()> stop = {};  // asked every 50 ms, on a thread of its own; true: as stop()
  ProgressSink progress = {};
  bool catch_errors =
      true;  // an exception fails its trial; false: it also ends the study and is rethrown
  std::function<void(const TrialResult&)> on_trial = {};  // after each trial, one thread at a time
  // Ends early: stagnation(30), regret_below(0.01) (analysis/stopping.h). Asked before each trial
  // but those enqueued; why it ended is kept as the study's attribute "attune:stopped".
  std::shared_ptr<const StoppingRule> stop_when = {};
};

using Objective = std::function<Outcome(Trial&)>;

// A handle: copies are the same study. All members may be called from several threads.
class Study {
 public:
  explicit Study(StudyOptions options = {});

  // Ends after the wanted trials, the timeout, stop(), by stop_when, or when the sampler has
  // nothing left.
  void optimize(const Objective& objective, OptimizeOptions options = {});
  // One trial. False when nothing is left to do.
  bool step(const Objective& objective);
  // The calls of optimize() and confirm() that are on end after the trials that run, which
  // Trial::stop_requested() tells; without any, the next one ends at once. From any thread or
  // callback.
  void stop();

  // The same by hand. In a deterministic study ask() throws ValueError when trials it depends on
  // run.
  Trial ask();
  Trial ask(const Space& space);
  // StorageError when somebody else has finished the trial; ValueError for a wrong number of
  // values.
  void tell(Trial& trial, const Outcome& outcome);
  void tell(Trial&& trial, const Outcome& outcome);
  // The next trial, to be run by somebody who is no process of attune's: it goes on running when
  // this process ends, and is told by its number, here or in another program. Nobody fails it.
  TrialResult hand_out(const Space& space);
  // Of a trial that was handed out, or that runs in this process. ValueError: it is not running, or
  // another process runs it. report() returns whether it is to end here, with State::pruned.
  void tell(int64_t number, const Outcome& outcome);
  bool report(int64_t number, int64_t step, const std::vector<double>& values);
  void set_attribute_json(int64_t number, std::string_view name, std::string json);
  // A trial that runs with these values, whatever else waits: for points that the caller brings.
  // What is missing is sampled. ValueError as of enqueue(), or in a deterministic study.
  Trial begin(const Params& params);
  // The next trial to start has these values; what is missing is sampled. ValueError: a name that a
  // declared space (StudyOptions::space) does not have, a value outside its range or between its
  // steps, NaN. Without a declared space the values stand as they are.
  int64_t enqueue(const Params& params);

  TrialResult best_trial() const;  // ValueError when none is complete, or with several objectives
  std::vector<TrialResult> best_trials()
      const;  // no other trial is as good in all and better in one
  std::vector<TrialResult> trials() const;
  TrialResult trial(int64_t number) const;
  int64_t size() const;  // trials in any state
  // Steps reported by all trials; a fork's are those after its parent's.
  int64_t total_steps() const;
  // How the trial came about, the eldest first: itself alone, or its parent and so on before it.
  // Run one after the other, each from where the last has ended, they are a schedule of parameters
  // that trains the same model again.
  std::vector<LineagePart> lineage(int64_t number) const;

  // What the trials tell, each by a header in analysis/, which a caller includes.
  std::vector<ParamImportance> importances() const;  // importance.h
  std::vector<ParamImportance> importances(const ImportanceOptions& options) const;
  Estimate predict(const Params& params) const;  // predict.h
  std::vector<Estimate> predict(std::span<const Params> params) const;
  WhatIfResult what_if(const WhatIf& change) const;                  // what_if.h
  ConfirmResult confirm(int64_t count, const Objective& objective);  // confirm.h
  ConfirmResult confirm(int64_t count, const Objective& objective, const ConfirmOptions& options);

  // As it stands, for analyses of one's own: what samplers see, without the runs of confirm().
  History history() const;
  // The parameters that are chosen together: as declared, else those of all complete trials.
  Space space() const;

  const std::string& name() const;
  const std::vector<Direction>& directions() const;
  uint64_t seed() const;
  Rng rng(int64_t trial, std::string_view name) const;  // as Trial::rng returns it
  Rng rng(std::string_view name) const;                 // as Trial::study_rng returns it
  bool exhausted() const;                               // the sampler has nothing left to try

  void set_attribute(std::string_view name, const ParamValue& value);
  void set_attribute_json(std::string_view name, std::string json);
  std::optional<std::string> attribute(std::string_view name) const;  // JSON text
  std::map<std::string, std::string> attributes() const;

 private:
  std::shared_ptr<StudyState> state_;
};

// JSON text of a value, as Python writes it; and a value of JSON text (ValueError: a list or an
// object).
std::string to_json(const ParamValue& value);
ParamValue from_json(std::string_view json);

}  // namespace attune::tune
