// ctc: the forward recursion over all places of the labels, made of ops.

#include <algorithm>
#include <cmath>

#include "attune/nn/loss.h"
#include "attune/tensor/internal/op.h"

namespace attune::nn {
namespace {

using namespace attune::internal;

// A logarithm of a probability of 0 that can be added up and has slopes, which -inf has not.
constexpr double kNever = -1e30;

void check_lengths(const char* what, const Tensor& lengths, int64_t batch, int64_t most) {
  require_defined("ctc", lengths);
  check<DTypeError>(lengths.dtype() == DType::i32 || lengths.dtype() == DType::i64,
                    "ctc: {} must be i32 or i64, got {}", what, lengths.dtype());
  check<ShapeError>(lengths.shape() == Shape{batch}, "ctc: {} must be [{}], got {}", what, batch,
                    lengths.shape());
  const bool inside = lengths.ge(0).logical_and(lengths.le(most)).all().item<bool>();
  check<ValueError>(inside, "ctc: {} must be in 0 to {}", what, most);
}

// The labels with blanks around them, [batch, 2 most + 1].
Tensor with_blanks(const Tensor& targets, int64_t blank) {
  const Tensor between = Tensor::full(targets.shape(), blank, DType::i64);
  const Tensor first = Tensor::full({targets.size(0), 1}, blank, DType::i64);
  return cat({first, stack({targets, between}, 2).flatten(1)}, 1);
}

// Each row moved right by `n` places.
Tensor moved(const Tensor& alpha, int64_t n) {
  const int64_t kept = std::max<int64_t>(alpha.size(1) - n, 0);
  return alpha.narrow(1, 0, kept).pad({{alpha.size(1) - kept, 0}}, PadMode::constant, kNever);
}

// -log p [batch]: kNever's negative where the labels do not fit.
Tensor costs(const Tensor& log_p, const Tensor& labels, const Tensor& input_lengths,
             const Tensor& target_lengths, int64_t blank) {
  const int64_t length = log_p.size(0), places = labels.size(1);
  // A place may be reached from two places before if it is a label other than that one.
  const Tensor two_before =
      labels.narrow(1, 0, std::max<int64_t>(places - 2, 0))
          .pad({{std::min<int64_t>(places, 2), 0}}, PadMode::constant, static_cast<double>(blank));
  const Tensor skips = labels.ne(blank).logical_and(labels.ne(two_before));
  const Tensor place = Tensor::arange(0, places);
  Tensor alpha =
      where(place.lt(2), log_p[0].gather(1, labels), Tensor::full({}, kNever, log_p.dtype()));
  for (int64_t t = 1; t < length; ++t) {
    const Tensor skipped = moved(alpha, 2).masked_fill(skips.logical_not(), kNever);
    const Tensor sum = stack({alpha, moved(alpha, 1), skipped}).logsumexp(0);
    const Tensor next = sum + log_p[t].gather(1, labels);
    alpha = where(input_lengths.gt(t).unsqueeze(1), next, alpha);
  }
  // It ends at the last label or the blank behind it.
  const Tensor last = target_lengths.cast(DType::i64).unsqueeze(1) * 2;
  const Tensor label = alpha.gather(1, (last - 1).maximum(0)).masked_fill(last.eq(0), kNever);
  return -cat({alpha.gather(1, last), label}, 1).logsumexp(1);
}

}  // namespace

Tensor ctc(const Tensor& log_probabilities, const Tensor& targets, const Tensor& input_lengths,
           const Tensor& target_lengths, const CtcOptions& o) {
  require_defined("ctc", log_probabilities, targets);
  check<ShapeError>(log_probabilities.rank() == 3 && log_probabilities.size(0) > 0 &&
                        targets.rank() == 2 && targets.size(0) == log_probabilities.size(1),
                    "ctc: needs [length, batch, classes] and targets [batch, labels], got {} and "
                    "{}",
                    log_probabilities.shape(), targets.shape());
  check<DTypeError>(targets.dtype() == DType::i32 || targets.dtype() == DType::i64,
                    "ctc: targets must be i32 or i64, got {}", targets.dtype());
  const int64_t batch = targets.size(0), classes = log_probabilities.size(2);
  check<ValueError>(o.blank >= 0 && o.blank < classes,
                    "ctc: the blank {} is outside the classes 0 "
                    "to {}",
                    o.blank, classes - 1);
  check_lengths("input lengths", input_lengths, batch, log_probabilities.size(0));
  check<ValueError>(batch == 0 || input_lengths.min().cast(DType::i64).item<int64_t>() > 0,
                    "ctc: an input is empty");
  check_lengths("target lengths", target_lengths, batch, targets.size(1));
  // What lies behind a target's end may be anything.
  const Tensor inside = Tensor::arange(0, targets.size(1)).lt(target_lengths.unsqueeze(1));
  const Tensor wide = targets.cast(DType::i64);
  const Tensor known = wide.ge(0).logical_and(wide.lt(classes)).logical_and(wide.ne(o.blank));
  check<ValueError>(known.logical_or(inside.logical_not()).all().item<bool>(),
                    "ctc: a label is outside the classes 0 to {}, or the blank", classes - 1);
  const Tensor labels = with_blanks(wide.masked_fill(inside.logical_not(), o.blank), o.blank);
  return through("ctc", Takes::floating, log_probabilities, [&](const Tensor& given) {
    const Tensor log_p = given.maximum(kNever);  // no -inf
    Tensor each = costs(log_p, labels, input_lengths, target_lengths, o.blank);
    const Tensor hopeless = each.detach().gt(-kNever / 2);
    each = each.masked_fill(hopeless, o.zero_infinity ? 0.0 : INFINITY);
    if (o.reduction == Reduction::none) return each;
    if (o.reduction == Reduction::sum) return each.sum();
    check<ValueError>(batch > 0, "ctc: the batch is empty; its mean has no value");
    return (each / target_lengths.maximum(1).cast(each.dtype())).mean();
  });
}

}  // namespace attune::nn
