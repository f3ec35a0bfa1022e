#include "tune/tabular/internal/keeping_shape.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <utility>

namespace attune::tune {
namespace {

constexpr std::string_view kShape[] = {"layers",  "width",  "pieces",
                                       "dropout", "epochs", "batch_size"};

class KeepingShape : public Scheduler {
 public:
  explicit KeepingShape(std::shared_ptr<const Scheduler> inner) : inner_(std::move(inner)) {}

  Verdict after(const TrialRecord& trial, const History& history) const override {
    return inner_->after(trial, history);
  }
  Next next(const Situation& now) const override {
    Next next = inner_->next(now);
    if (next.what != Next::What::fork) return next;
    const TrialRecord& parent = now.history.trials()[static_cast<size_t>(next.trial)];
    for (const auto& used : parent.params) {
      const Param& param = *now.history.params()[static_cast<size_t>(used.param)];
      if (std::ranges::find(kShape, param.name) != std::end(kShape)) {
        next.params.set(param.name, param.external(used.value));
      }
    }
    return next;
  }
  bool only_stops() const override { return inner_->only_stops(); }
  bool pairs_steps() const override { return inner_->pairs_steps(); }

 private:
  std::shared_ptr<const Scheduler> inner_;
};

}  // namespace

std::shared_ptr<const Scheduler> keeping_shape(std::shared_ptr<const Scheduler> inner) {
  return std::make_shared<KeepingShape>(std::move(inner));
}

}  // namespace attune::tune
