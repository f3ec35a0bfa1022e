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

// ---- Of a prediction and a target of one shape; ShapeError where they would broadcast ----

// Binary cross-entropy of probabilities in [0, 1] against targets in [0, 1]; logarithms are at
// least -100, as in PyTorch. ValueError for a probability outside. bce_with_logits is more exact.
Tensor bce(const Tensor& probability, const Tensor& target, Reduction reduction = Reduction::mean);

// d^2 / (2 beta) for a difference d of at most `beta`, then |d| - beta / 2; l1 for a beta of 0.
Tensor smooth_l1(const Tensor& prediction, const Tensor& target, double beta = 1,
                 Reduction reduction = Reduction::mean);

struct KlDivOptions {
  bool log_target = false;  // the target holds log-probabilities, too
  bool batch_mean = false;  // the sum over the number of rows, the divergence proper
  Reduction reduction = Reduction::mean;
};
// target (log target - prediction), prediction being log-probabilities; 0 where the target is 0 and
// the prediction is finite.
Tensor kl_div(const Tensor& prediction, const Tensor& target, const KlDivOptions& options = {});

// ---- Of vectors ----

// a b / (|a| |b|) along an axis; the lengths are at least epsilon.
Tensor cosine_similarity(const Tensor& a, const Tensor& b, int axis = 1, double epsilon = 1e-8);

// 1 - cos(a, b) where the target is 1, max(0, cos(a, b) - margin) where it is -1: a and b [batch,
// width] or [width], target [batch] or [].
Tensor cosine_embedding(const Tensor& a, const Tensor& b, const Tensor& target, double margin = 0,
                        Reduction reduction = Reduction::mean);

struct TripletOptions {
  double margin = 1;
  double p = 2;           // of the norm
  double epsilon = 1e-6;  // added to each difference
  bool swap = false;      // the negative's distance from the positive counts where it is smaller
  Reduction reduction = Reduction::mean;
};
// max(0, |anchor - positive| - |anchor - negative| + margin) along the last axis. Schroff et al.
// (2015); swap: Balntas et al. (2016).
Tensor triplet_margin(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                      const TripletOptions& options = {});

// ---- Of sequences ----

struct CtcOptions {
  int64_t blank = 0;           // the class that stands for no label
  bool zero_infinity = false;  // 0, without a gradient, for a target that does not fit its input
  Reduction reduction = Reduction::mean;  // mean: each divided by its target's length first
};
// -log of the probability of the labels, whatever their places: log_probabilities [length, batch,
// classes], targets [batch, most labels], lengths [batch] each, all i32 or i64. Graves et al.,
// "Connectionist temporal classification" (2006).
Tensor ctc(const Tensor& log_probabilities, const Tensor& targets, const Tensor& input_lengths,
           const Tensor& target_lengths, const CtcOptions& options = {});

}  // namespace attune::nn
