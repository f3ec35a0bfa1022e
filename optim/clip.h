#pragma once
// Gradient clipping, between tape.gradient() and update().
//
// Gradients (f32 or f64) are changed in place if nobody else holds them, and copied first if
// somebody does. Those that an open tape tracks are clipped by recorded ops, so that an outer tape
// can differentiate through the clipping.

#include <vector>

#include "attune/tensor/tensor.h"

namespace attune::optim {

// Scales all gradients by one factor so that the Euclidean norm of all their elements together is
// at most `max`, and returns the norm they had. Pascanu et al., "On the difficulty of training
// recurrent neural networks" (2013). If the norm is NaN or infinite, the gradients stay as they
// were, for no factor makes them right. ValueError unless max > 0.
double clip_grad_norm(std::vector<Tensor>& grads, double max);

// Limits every element to [-limit, limit]; NaN stays NaN. ValueError unless limit > 0.
void clip_grad_value(std::vector<Tensor>& grads, double limit);

}  // namespace attune::optim
