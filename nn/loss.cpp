#include "attune/nn/loss.h"

#include "attune/tensor/internal/check.h"

namespace attune::nn {
namespace {

void check_labels(const char* name, const Tensor& scores, const Tensor& labels,
                  const Tensor& weights) {
  check<ShapeError>(scores.rank() == 2 && labels.rank() == 1 && labels.size(0) == scores.size(0),
                    "{}: needs scores [batch, classes] and labels [batch], got {} and {}", name,
                    scores.shape(), labels.shape());
  check<DTypeError>(labels.dtype() == DType::i64 || labels.dtype() == DType::i32,
                    "{}: labels must be i32 or i64, got {}", name, labels.dtype());
  check<ValueError>(labels.numel() > 0, "{}: the batch is empty", name);
  check<ShapeError>(!weights.defined() || weights.shape() == Shape{scores.size(1)},
                    "{}: weights must be [{}], one for each class, got {}", name, scores.size(1),
                    weights.defined() ? weights.shape() : Shape{});
  const Tensor wide = labels.cast(DType::i64).contiguous();
  const auto all = wide.data<int64_t>();
  for (size_t row = 0; row < all.size(); ++row) {
    check<ValueError>(all[row] >= 0 && all[row] < scores.size(1),
                      "{}: the label of row {} is {}, outside the {} classes", name, row, all[row],
                      scores.size(1));
  }
}

// The target in the type of the prediction, which must have its shape: [n] against [n, 1] would
// broadcast to [n, n] and train on nonsense.
Tensor like(const char* name, const Tensor& prediction, const Tensor& target) {
  check<ShapeError>(prediction.shape() == target.shape(),
                    "{}: the prediction is {} but the target {}; reshape one", name,
                    prediction.shape(), target.shape());
  check<ValueError>(prediction.numel() > 0, "{}: the batch is empty", name);
  return target.dtype() == prediction.dtype() ? target : target.cast(prediction.dtype());
}

}  // namespace

Tensor nll(const Tensor& log_probabilities, const Tensor& labels, const Tensor& weights) {
  check_labels("nll", log_probabilities, labels, weights);
  const Tensor picked = -log_probabilities.gather(1, labels.unsqueeze(1)).squeeze(1);
  if (!weights.defined()) return picked.mean();
  const Tensor w = weights.cast(log_probabilities.dtype()).index_select(0, labels);
  return (picked * w).sum() / w.sum();
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels,
                     const CrossEntropyOptions& options) {
  const double smoothing = options.label_smoothing;
  if (smoothing == 0 && !options.weights.defined()) return cross_entropy(logits, labels);
  check<ValueError>(smoothing >= 0 && smoothing <= 1,
                    "cross_entropy: label_smoothing must be in [0, 1], got {}", smoothing);
  check_labels("cross_entropy", logits, labels, options.weights);
  const Tensor log_p = logits.log_softmax(1);
  Tensor hard = nll(log_p, labels, options.weights);
  if (smoothing == 0) return hard;
  const auto classes = static_cast<double>(logits.size(1));
  if (!options.weights.defined()) {
    return hard * (1 - smoothing) - log_p.sum(1).mean() * (smoothing / classes);
  }
  const Tensor w = options.weights.cast(logits.dtype());
  const Tensor soft = -(log_p * w).sum() / w.index_select(0, labels).sum();
  return hard * (1 - smoothing) + soft * (smoothing / classes);
}

Tensor l1(const Tensor& prediction, const Tensor& target) {
  return (prediction - like("l1", prediction, target)).abs().mean();
}

Tensor huber(const Tensor& prediction, const Tensor& target, double delta) {
  check<ValueError>(delta > 0, "huber: delta must be positive, got {}", delta);
  const Tensor distance = (prediction - like("huber", prediction, target)).abs();
  // With c = min(d, delta), c (d - c / 2) is d^2 / 2 below delta and delta d - delta^2 / 2 above.
  const Tensor c = distance.minimum(delta);
  return (c * (distance - c * 0.5)).mean();
}

}  // namespace attune::nn
