// bce, smooth_l1, kl_div and the losses of vectors: made of ops.

#include <cmath>
#include <utility>

#include "attune/nn/loss.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"

namespace attune::nn {
namespace {

using namespace attune::internal;

void check_pair(const char* op, const Tensor& prediction, const Tensor& target) {
  require_defined(op, prediction, target);
  check<ShapeError>(same_shape(prediction, target),
                    "{}: prediction and target must have one shape, got {} and {}; reshape or "
                    "expand one of them",
                    op, prediction.shape(), target.shape());
}

Tensor reduced(const char* op, const Tensor& each, Reduction reduction) {
  if (reduction == Reduction::none) return each;
  if (reduction == Reduction::sum) return each.sum();
  check<ValueError>(each.numel() > 0, "{}: the batch is empty; its mean has no value", op);
  return each.mean();
}

// Each element's loss. Its slope is (p - t) / (p (1 - p)), the divisor at least 1e-12: PyTorch's.
Tensor bce_of(const Tensor& p, const Tensor& t) {
  const auto logarithms = [](const Tensor& x) {
    return std::pair{x.log().maximum(-100), (-x).log1p().maximum(-100)};
  };
  const auto [yes, no] = logarithms(p.detach());
  const Tensor plain = t.detach();
  Tensor y = -(plain * yes + (1 - plain) * no);
  if (tracks(p, t)) {
    record("bce", y, {&p, &t}, [p, t, logarithms](const Tensor& dy, Gradients& grads) {
      if (grads.wants(0)) grads.add(0, dy * ((p - t) / (p * (1 - p)).maximum(1e-12)));
      if (!grads.wants(1)) return;
      const auto [of_p, of_rest] = logarithms(p);
      grads.add(1, dy * (of_rest - of_p));
    });
  }
  return y;
}

// (sum |d|^p)^(1 / p) along the last axis; the slope at 0 is 0.
Tensor length(const Tensor& d, double p) {
  if (p == 2) return d.norm(-1);
  const Tensor size = d.abs();
  if (p == 1) return size.sum(-1);
  if (std::isinf(p)) return size.max(-1);
  // Zeros are put aside: a power may have an infinite slope there.
  const Tensor none = size.eq(0);
  const Tensor sum = size.masked_fill(none, 1).pow(p).masked_fill(none, 0).sum(-1);
  const Tensor empty = sum.eq(0);
  return sum.masked_fill(empty, 1).pow(1 / p).masked_fill(empty, 0);
}

}  // namespace

Tensor bce(const Tensor& probability, const Tensor& target, Reduction reduction) {
  check_pair("bce", probability, target);
  return through("bce", Takes::floating, probability, target,
                 [&](const Tensor& p, const Tensor& t) {
                   const Tensor outside = p.lt(0).logical_or(p.gt(1));
                   check<ValueError>(!outside.any().item<bool>(),
                                     "bce: probabilities must be in [0, 1]; bce_with_logits takes "
                                     "logits");
                   return reduced("bce", bce_of(p, t), reduction);
                 });
}

Tensor smooth_l1(const Tensor& prediction, const Tensor& target, double beta, Reduction reduction) {
  check<ValueError>(beta >= 0 && std::isfinite(beta),
                    "smooth_l1: beta must be finite, not negative, got {}", beta);
  if (beta == 0) return l1(prediction, target, reduction);
  return huber(prediction, target, beta, reduction) / beta;
}

Tensor kl_div(const Tensor& prediction, const Tensor& target, const KlDivOptions& o) {
  check_pair("kl_div", prediction, target);
  return through("kl_div", Takes::floating, prediction, target,
                 [&](const Tensor& p, const Tensor& t) {
                   Tensor each;
                   if (o.log_target) {
                     each = t.exp() * (t - p);
                   } else {
                     const Tensor empty = t.eq(0);  // 0 log 0 is 0
                     const Tensor log = t.masked_fill(empty, 1).log();
                     each = t * log - t * p;
                   }
                   if (!o.batch_mean) return reduced("kl_div", each, o.reduction);
                   check<ValueError>(each.rank() > 0 && each.size(0) > 0,
                                     "kl_div: {} has no rows to take the mean of", each.shape());
                   return each.sum() / each.size(0);
                 });
}

Tensor cosine_similarity(const Tensor& a, const Tensor& b, int axis, double epsilon) {
  check<ValueError>(epsilon >= 0, "cosine_similarity: epsilon must not be negative, got {}",
                    epsilon);
  return through("cosine_similarity", Takes::floating, a, b, [&](const Tensor& x, const Tensor& y) {
    const Shape shape = broadcast("cosine_similarity", x.shape(), y.shape());
    const Tensor p = x.expand(shape), q = y.expand(shape);
    const Tensor lengths = p.norm(axis, keep_dims).maximum(epsilon);
    return ((p / lengths) * (q / q.norm(axis, keep_dims).maximum(epsilon))).sum(axis);
  });
}

Tensor cosine_embedding(const Tensor& a, const Tensor& b, const Tensor& target, double margin,
                        Reduction reduction) {
  check_pair("cosine_embedding", a, b);
  require_defined("cosine_embedding", target);
  check<ShapeError>((a.rank() == 2 && target.shape() == Shape{a.size(0)}) ||
                        (a.rank() == 1 && target.rank() == 0),
                    "cosine_embedding: needs [batch, width] and targets [batch], got {} and {}",
                    a.shape(), target.shape());
  const Tensor alike = target.eq(1);
  check<ValueError>(alike.logical_or(target.eq(-1)).all().item<bool>(),
                    "cosine_embedding: targets must be 1 or -1");
  const Tensor cosine = cosine_similarity(a, b, -1, 1e-12);
  return reduced("cosine_embedding", where(alike, 1 - cosine, (cosine - margin).relu()), reduction);
}

Tensor triplet_margin(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                      const TripletOptions& o) {
  check_pair("triplet_margin", anchor, positive);
  check_pair("triplet_margin", anchor, negative);
  check<ShapeError>(anchor.rank() > 0, "triplet_margin: needs vectors, got {}", anchor.shape());
  check<ValueError>(o.p > 0 && o.margin > 0,
                    "triplet_margin: p and the margin must be above 0, got {} and {}", o.p,
                    o.margin);
  const auto distance = [&](const Tensor& a, const Tensor& b) {
    return through("triplet_margin", Takes::floating, a, b, [&](const Tensor& p, const Tensor& q) {
      return length(p - q + o.epsilon, o.p);
    });
  };
  Tensor apart = distance(anchor, negative);
  if (o.swap) apart = apart.minimum(distance(positive, negative));
  return reduced("triplet_margin", (distance(anchor, positive) - apart + o.margin).relu(),
                 o.reduction);
}

}  // namespace attune::nn
