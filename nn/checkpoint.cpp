#include "attune/nn/checkpoint.h"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace attune::nn {
namespace {

// The gradients of f at `inputs` for dy, by computing f again: undefined for integers. dy may
// depend on the inputs, for a tape around this one; here it is a constant. So f gets other names
// for them, which only what f computes depends on.
std::vector<Tensor> again(const TensorFunction& f, std::span<const Tensor> inputs,
                          const Tensor& dy) {
  std::vector<Tensor> names, watched;
  for (const Tensor& x : inputs) {
    names.push_back(x.flip(Axes::none()));
    if (is_floating(x.dtype())) watched.push_back(names.back());
  }
  Tape tape(watched);
  std::vector<Tensor> found = tape.gradient((f(names) * dy).sum(), watched);
  std::vector<Tensor> all;
  for (auto next = found.begin(); const Tensor& x : inputs) {
    all.push_back(is_floating(x.dtype()) ? std::move(*next++) : Tensor());
  }
  return all;
}

// Puts a layer back into the state that it is in now.
class StateScope {
 public:
  explicit StateScope(Module& layer) : layer_(layer), now_(layer.checkpoint()) {}
  ~StateScope() { layer_.restore(now_); }
  StateScope(const StateScope&) = delete;
  StateScope& operator=(const StateScope&) = delete;

 private:
  Module& layer_;
  Checkpoint now_;
};

// A state with other tensors in the places of `old`.
Checkpoint replaced(Checkpoint state, std::span<const Tensor> old, std::span<const Tensor> by) {
  for (Tensor& x : state.tensors) {
    const auto same = [&](const Tensor& o) { return o.block() == x.block(); };
    if (const auto at = std::ranges::find_if(old, same); at != old.end()) {
      x = by[static_cast<size_t>(at - old.begin())];
    }
  }
  return state;
}

}  // namespace

Tensor checkpoint(Module& layer, const Tensor& x) {
  std::vector<Tensor> inputs = layer.parameters();
  inputs.push_back(x);
  return custom_gradient([&layer](std::span<const Tensor> in) { return layer(in.back()); },
                         [&layer, before = layer.checkpoint(), training = layer.training()](
                             std::span<const Tensor> in, const Tensor&, const Tensor& dy) {
                           const StateScope unchanged(layer);
                           std::optional<EvalScope> evaluating;
                           if (!training) evaluating.emplace();
                           const std::span<const Tensor> parameters = in.first(in.size() - 1);
                           return again(
                               [&](std::span<const Tensor> at) {
                                 layer.restore(replaced(before, parameters, at));
                                 return layer(at.back());
                               },
                               in, dy);
                         },
                         inputs);
}

Tensor checkpoint(const TensorFunction& f, std::span<const Tensor> inputs) {
  return custom_gradient(
      f,
      [f](std::span<const Tensor> in, const Tensor&, const Tensor& dy) { return again(f, in, dy); },
      inputs);
}

Tensor checkpoint(const RandomFunction& f, std::span<const Tensor> inputs, Rng& rng) {
  return custom_gradient(
      [&](std::span<const Tensor> in) { return f(in, rng); },
      [f, before = rng](std::span<const Tensor> in, const Tensor&, const Tensor& dy) {
        Rng same = before;
        return again([&](std::span<const Tensor> at) { return f(at, same); }, in, dy);
      },
      inputs);
}

}  // namespace attune::nn
