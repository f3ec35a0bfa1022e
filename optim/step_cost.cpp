#include "attune/optim/step_cost.h"

#include <algorithm>
#include <limits>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/flops.h"
#include "attune/tensor/memory.h"
#include "attune/tensor/tape.h"

namespace attune::nn {
namespace {

constexpr int64_t kFewRows = 16;

int64_t bytes_of(const std::vector<Tensor>& tensors) {
  int64_t bytes = 0;
  for (const Tensor& tensor : tensors) {
    bytes += tensor.numel() * static_cast<int64_t>(byte_size(tensor.dtype()));
  }
  return bytes;
}

struct Measured {
  int64_t bytes = 0;
  double flops = 0;
};

Measured measure(Module& model, const Dataset& data, const Loss& loss_of, int64_t rows) {
  const Dataset some{data.x.narrow(0, 0, rows), data.y.narrow(0, 0, rows)};
  const MemoryLimitScope counted(std::numeric_limits<int64_t>::max());
  const int64_t before = attune::internal::flops_asked;
  {
    Tape tape(model.parameters());
    const Tensor loss = loss_of(model(some.x), some.y);
    const std::vector<Tensor> grads = tape.gradient(loss, model.parameters());
  }
  return {counted.peak(), static_cast<double>(attune::internal::flops_asked - before)};
}

}  // namespace

StepCost step_cost(Module& model, const optim::Optimizer& optimizer, const Dataset& data,
                   const Loss& loss) {
  check<ValueError>(data.size() >= 2, "step_cost: 2 rows or more are needed, got {}", data.size());
  check<ValueError>(!model.parameters().empty(), "step_cost: {} has no parameters",
                    model.describe());
  const Loss loss_of = loss ? loss : default_loss(data);
  struct AsItWas {
    Module& model;
    const Checkpoint saved = model.checkpoint();
    ~AsItWas() { model.restore(saved); }
  } const as_it_was{model};
  const int64_t more = std::min(data.size(), 2 * kFewRows), few = more / 2;
  const Measured one = measure(model, data, loss_of, few);
  const Measured two = measure(model, data, loss_of, more);
  StepCost cost;
  cost.parameters = model.parameter_count();
  cost.weight_bytes = bytes_of(model.parameters()) + bytes_of(model.buffers());
  cost.state_bytes = static_cast<int64_t>(optimizer.slots()) * bytes_of(model.parameters());
  cost.row_bytes = std::max<int64_t>(0, (two.bytes - one.bytes + more - few - 1) / (more - few));
  cost.fixed_bytes = std::max<int64_t>(0, two.bytes - more * cost.row_bytes);
  cost.row_flops = two.flops / static_cast<double>(more);
  return cost;
}

}  // namespace attune::nn
