#pragma once
// Losses: each gives one number, the mean over the batch. Those that tensor.h has are here by name.

#include "attune/tensor/tensor.h"

namespace attune::nn {

using attune::bce_with_logits;
using attune::cross_entropy;
using attune::mse;

struct CrossEntropyOptions {
  // Mixes the label with the uniform distribution over all classes, by this share in [0, 1].
  // Szegedy et al., "Rethinking the Inception architecture" (2015).
  double label_smoothing = 0;
  // [classes]: how much a row of each class counts; the mean is weighted by it. Undefined: all 1.
  Tensor weights{};
};

// -log softmax(logits)[label]: logits [batch, classes], labels [batch] i32 or i64. ValueError names
// the first label outside the classes.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels,
                     const CrossEntropyOptions& options);

// The same from log-probabilities, as log_softmax gives them.
Tensor nll(const Tensor& log_probabilities, const Tensor& labels, const Tensor& weights = {});

// Predictions and targets of one shape; integer targets are cast.
Tensor l1(const Tensor& prediction, const Tensor& target);  // absolute difference
// Half the square up to `delta`, then |d| delta - delta^2 / 2: Huber (1964).
Tensor huber(const Tensor& prediction, const Tensor& target, double delta = 1);

}  // namespace attune::nn
