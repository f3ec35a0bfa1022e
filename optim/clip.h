#pragma once
// Gradient clipping, between tape.gradient() and update().

#include <vector>

#include "attune/tensor/tensor.h"

namespace attune::optim {

// Scales all gradients by one factor so that the Euclidean norm of all their elements together is
// at most `max`, and gives the norm they had. Pascanu et al., "On the difficulty of training
// recurrent neural networks" (2013). A norm that is NaN or infinite is given back with the
// gradients as they were, for no factor makes them right. ValueError unless max > 0.
double clip_grad_norm(std::vector<Tensor>& grads, double max);

// Brings every element into [-limit, limit]. ValueError unless limit > 0.
void clip_grad_value(std::vector<Tensor>& grads, double limit);

}  // namespace attune::optim
