#pragma once
// Memory for time: what a part of a model computes on the way is not kept for the gradient, but
// computed again when the gradient is asked for. Chen et al., "Training deep nets with sublinear
// memory cost" (2016).

#include <functional>
#include <span>

#include "attune/base/rng.h"
#include "attune/nn/module.h"
#include "attune/tensor/tape.h"
#include "attune/tensor/tensor.h"

namespace attune::nn {

// layer(x), of which a tape keeps x and the parameters alone. The gradients, and what dropout draws
// and batch norm has learned afterwards, are the same bits as without. `layer` must live, and keep
// its parameters, until the tape has been asked. The recomputation goes through `layer` and puts
// back its state, so no other thread may call it meanwhile.
Tensor checkpoint(Module& layer, const Tensor& x);

// f(inputs) the same way. Gradients reach `inputs` alone, not tensors that f captures, and f must
// return the same each time.
Tensor checkpoint(const TensorFunction& f, std::span<const Tensor> inputs);
inline Tensor checkpoint(const TensorFunction& f, std::initializer_list<Tensor> inputs) {
  return checkpoint(f, std::span<const Tensor>(inputs.begin(), inputs.size()));
}

// For an f that draws random numbers: those of the recomputation are the same, and `rng` advances
// once.
using RandomFunction = std::function<Tensor(std::span<const Tensor>, Rng&)>;
Tensor checkpoint(const RandomFunction& f, std::span<const Tensor> inputs, Rng& rng);
inline Tensor checkpoint(const RandomFunction& f, std::initializer_list<Tensor> inputs, Rng& rng) {
  return checkpoint(f, std::span<const Tensor>(inputs.begin(), inputs.size()), rng);
}

}  // namespace attune::nn
