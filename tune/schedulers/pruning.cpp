// A pruner in a scheduler's place.

#include <utility>

#include "attune/tune/pruner.h"
#include "attune/tune/scheduler.h"

namespace attune::tune {
namespace {

class Pruning : public Scheduler {
 public:
  explicit Pruning(std::shared_ptr<const Pruner> pruner) : pruner_(std::move(pruner)) {}

  Verdict after(const TrialRecord& trial, const History& history) const override {
    return pruner_->should_stop(trial, history) ? Verdict::stop : Verdict::go_on;
  }
  bool only_stops() const override { return true; }
  bool pairs_steps() const override { return pruner_->pairs_steps(); }

 private:
  std::shared_ptr<const Pruner> pruner_;
};

}  // namespace

std::shared_ptr<const Scheduler> pruning(std::shared_ptr<const Pruner> pruner) {
  return std::make_shared<Pruning>(std::move(pruner));
}

}  // namespace attune::tune
