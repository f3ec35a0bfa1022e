#include "attune/optim/formula_optimizer.h"

#include <utility>

#include "attune/optim/internal/part.h"
#include "attune/tensor/internal/block.h"
#include "attune/base/internal/parallel.h"

namespace attune::optim {

FormulaOptimizer::FormulaOptimizer(const char* kind, std::vector<const char*> slots,
                                   double learning_rate, double weight_decay, Decay decay)
    : Optimizer(kind, std::move(slots), learning_rate, weight_decay), decay_(decay) {}

void FormulaOptimizer::move(std::span<const Item> items, int64_t step) {
  begin_step(step);
  for (const Item& item : items) {
    const bool decoupled = decay_ == Decay::decoupled;
    const internal::Block& parameter = internal::block(*item.parameter);
    Part whole{.dtype = parameter.dtype,
               .begin = 0,
               .end = static_cast<size_t>(parameter.numel),
               .parameter = parameter.data,
               .gradient = internal::block(*item.gradient).data,
               .state = {},
               .learning_rate = item.learning_rate,
               .decay = decoupled ? 0 : item.weight_decay,
               .shrink = decoupled ? 1 - item.learning_rate * item.weight_decay : 1};
    for (size_t k = 0; k < item.state.size(); ++k) {
      whole.state[k] = internal::block(item.state[k]).data;
    }
    const auto cost = static_cast<int64_t>(2 + item.state.size());
    internal::parallel_for(parameter.numel, cost, [&](int64_t begin, int64_t end) {
      Part part = whole;
      part.begin = static_cast<size_t>(begin);
      part.end = static_cast<size_t>(end);
      move_part(part);
    });
  }
}

}  // namespace attune::optim
