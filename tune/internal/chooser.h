#pragma once
// How a trial's parameters are chosen: what was enqueued first, then the default configuration,
// then what the sampler proposed for all together, then what it says for one. The sampler runs
// under a lock of its own, on a history of its own, so that nobody waits for it but those who ask.

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "attune/tune/analysis/stopping.h"
#include "attune/tune/internal/fed_history.h"
#include "attune/tune/internal/lagged_views.h"
#include "attune/tune/internal/ledger.h"
#include "attune/tune/study.h"

namespace attune::tune {

class Chooser {
 public:
  // `views`: of a deterministic study; else null.
  Chooser(const StudyOptions& options, Ledger& ledger, const LaggedViews* views);
  void set_seed(uint64_t seed);

  double choose(Trial& trial, const Param& param);
  Params suggest(Trial& trial, const Space& space);
  // ValueError for what can be told before the trial runs: a later complaint would be a failed one.
  void check_enqueued(const Params& params) const;
  bool exhausted();  // the sampler has nothing left to try

  // Why optimize() is to end before trial `number`, whose turn is `turn`; empty: it is not.
  std::string stops(const StoppingRule& rule, int64_t number, int64_t turn);

  // The parameters that are chosen together: as declared, else those that all complete trials had.
  std::shared_ptr<const Space> joint_space(const History& history) const;
  const std::shared_ptr<const Space>& declared() const { return declared_; }

 private:
  // With the sampler's lock held.
  const History& view(int64_t turn);
  void propose(Trial& trial, const Space& whole);
  std::vector<double> draw(Trial& trial, const Space& space, const Question& question);
  double value_of(Trial& trial, const Param& param);
  void keep_note(const Question& question);

  double choose_locked(Trial& trial, const Param& param);
  std::shared_ptr<const Param> admit(const Param& param);  // checked, and interned if it was known
  std::shared_ptr<const Space> without_held(std::shared_ptr<const Space> space,
                                            const Params& enqueued) const;
  bool first_is_default(const Trial& trial) const;
  void remember(const Param& param);  // what a storage's distributions do not hold

  const StudyOptions& options_;
  Ledger& ledger_;
  const LaggedViews* views_;
  std::shared_ptr<const Space> declared_;  // null: found by running
  uint64_t seed_ = 0;
  Rng sampler_rng_;

  std::mutex mutex_;
  FedHistory seen_;  // of a study that is not deterministic
};

}  // namespace attune::tune
