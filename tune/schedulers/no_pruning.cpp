#include "attune/tune/pruner.h"

namespace attune::tune {
namespace {

class NoPruning : public Pruner {
 public:
  bool should_stop(const TrialRecord&, const History&) const override { return false; }
};

}  // namespace

std::shared_ptr<Pruner> no_pruning() { return std::make_shared<NoPruning>(); }

}  // namespace attune::tune
