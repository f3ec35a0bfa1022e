#pragma once
// Losses: each returns one number, the mean over the batch, unless asked for the sum or for each.
// Those that tensor.h declares are here by name, with their options.

#include <concepts>
#include <optional>

#include "attune/tensor/tensor.h"

namespace attune::nn {

using attune::bce_with_logits;
using attune::cross_entropy;
using attune::huber;
using attune::l1;
using attune::mse;
using attune::Reduction;

struct CrossEntropyOptions {
  // Mixes the label with the uniform distribution over all classes, by this share in [0, 1].
  // Szegedy et al., "Rethinking the Inception architecture" (2015).
  double label_smoothing = 0;
  // [classes]: how much a row of each class counts; the mean is weighted by it. Undefined: all 1.
  Tensor weights{};
  // Rows of this label do not count; it need not be a class.
  std::optional<int64_t> ignore_index{};
  Reduction reduction = Reduction::mean;  // none: [batch]
};

// -log softmax(logits)[label]: logits [batch, classes], labels [batch] i32 or i64. ValueError names
// the first label outside the classes, and refuses the mean where no row counts.
Tensor cross_entropy(const Tensor& logits, const Tensor& labels,
                     const CrossEntropyOptions& options);

struct NllOptions {  // as in CrossEntropyOptions
  Tensor weights{};
  std::optional<int64_t> ignore_index{};
  Reduction reduction = Reduction::mean;
};

// The same from log-probabilities, as log_softmax returns them.
Tensor nll(const Tensor& log_probabilities, const Tensor& labels, const NllOptions& options = {});
template <std::same_as<Tensor> T>  // not for a list in braces
Tensor nll(const Tensor& log_probabilities, const Tensor& labels, const T& weights) {
  return nll(log_probabilities, labels, NllOptions{.weights = weights});
}

struct BceOptions {
  // How much a target of 1 counts beside one of 0; broadcast to the shape of the target. Undefined:
  // as much.
  Tensor pos_weight{};
  Reduction reduction = Reduction::mean;
};
Tensor bce_with_logits(const Tensor& logits, const Tensor& target, const BceOptions& options);

}  // namespace attune::nn
