#include "attune/nn/loss.h"

#include "attune/tensor/internal/labels.h"
#include "attune/tensor/internal/op.h"

namespace attune::nn {
namespace {

using namespace internal;

// What each row of a batch contributes, and the divisor of a mean. Rows that are ignored cost 0,
// whatever their scores are.
class Rows {
 public:
  Rows(const char* op, const Tensor& log_p, const Tensor& labels, const NllOptions& options)
      : op_(op), reduction_(options.reduction) {
    labels_ = checked_labels(op, log_p, labels, options.ignore_index);
    count_ = Tensor::ones({labels_.numel()}, log_p.dtype());
    if (options.ignore_index) {
      ignored_ = labels_.eq(*options.ignore_index);
      labels_ = labels_.masked_fill(ignored_, 0);
    }
    if (options.weights.defined()) {
      check<ShapeError>(options.weights.shape() == Shape{log_p.size(1)},
                        "{}: weights must be [{}], one for each class, got {}", op, log_p.size(1),
                        options.weights.shape());
      weights_ = options.weights.cast(log_p.dtype());
      count_ = weights_.index_select(0, labels_);
    }
    if (ignored_.defined()) count_ = count_.masked_fill(ignored_, 0);
  }

  // -w log p[label]
  Tensor of_label(const Tensor& log_p) const {
    return kept(-log_p.gather(1, labels_.unsqueeze(1)).squeeze(1) * count_);
  }
  // -w log p, summed over the classes
  Tensor of_all(const Tensor& log_p) const {
    return kept(-(weights_.defined() ? log_p * weights_ : log_p).sum(1));
  }

  Tensor reduce(const Tensor& rows) const {
    if (reduction_ == Reduction::none) return rows;
    if (reduction_ == Reduction::sum) return rows.sum();
    check<ValueError>(rows.numel() > 0, "{}: the batch is empty; its mean has no value", op_);
    check<ValueError>(!ignored_.defined() || !ignored_.all().item<bool>(),
                      "{}: all {} rows are ignored; their mean has no value", op_, rows.numel());
    return rows.sum() / count_.sum();
  }

 private:
  Tensor kept(const Tensor& rows) const {
    return ignored_.defined() ? rows.masked_fill(ignored_, 0) : rows;
  }

  const char* op_;
  Reduction reduction_;
  Tensor labels_, count_, ignored_, weights_;  // the last two may be undefined
};

Tensor smoothed(const Tensor& logits, const Tensor& labels, const CrossEntropyOptions& options) {
  const double smoothing = options.label_smoothing;
  const Tensor log_p = logits.log_softmax(-1);
  const Rows rows("cross_entropy", log_p, labels,
                  {options.weights, options.ignore_index, options.reduction});
  const Tensor hard = rows.of_label(log_p);
  if (smoothing == 0) return rows.reduce(hard);
  const auto classes = static_cast<double>(logits.size(1));
  return rows.reduce(hard * (1 - smoothing) + rows.of_all(log_p) * (smoothing / classes));
}

}  // namespace

Tensor nll(const Tensor& log_probabilities, const Tensor& labels, const NllOptions& options) {
  return through("nll", Takes::floating, log_probabilities, [&](const Tensor& log_p) {
    const Rows rows("nll", log_p, labels, options);
    return rows.reduce(rows.of_label(log_p));
  });
}

Tensor cross_entropy(const Tensor& logits, const Tensor& labels,
                     const CrossEntropyOptions& options) {
  const double smoothing = options.label_smoothing;
  check<ValueError>(smoothing >= 0 && smoothing <= 1,
                    "cross_entropy: label_smoothing must be in [0, 1], got {}", smoothing);
  if (smoothing == 0 && !options.weights.defined() && !options.ignore_index &&
      options.reduction == Reduction::mean) {
    return cross_entropy(logits, labels);
  }
  return through("cross_entropy", Takes::floating, logits,
                 [&](const Tensor& z) { return smoothed(z, labels, options); });
}

Tensor bce_with_logits(const Tensor& logits, const Tensor& target, const BceOptions& options) {
  const Tensor weight = options.pos_weight;
  if (!weight.defined()) return bce_with_logits(logits, target, options.reduction);
  require_defined("bce_with_logits", logits);
  require_defined("bce_with_logits", target);
  check<ShapeError>(logits.shape() == target.shape(),
                    "bce_with_logits: prediction and target must have one shape, got {} and {}; "
                    "reshape or expand one of them",
                    logits.shape(), target.shape());
  check<ValueError>(logits.numel() > 0 || options.reduction != Reduction::mean,
                    "bce_with_logits: the batch is empty; its mean has no value");
  return through(
      "bce_with_logits", Takes::floating, logits, target, [&](const Tensor& x, const Tensor& t) {
        const Tensor each = (1 - t) * x.softplus() + weight.cast(x.dtype()) * t * (-x).softplus();
        check<ShapeError>(each.shape() == x.shape(),
                          "bce_with_logits: pos_weight {} does not broadcast to {}", weight.shape(),
                          x.shape());
        if (options.reduction == Reduction::none) return each;
        return options.reduction == Reduction::sum ? each.sum() : each.mean();
      });
}

}  // namespace attune::nn
