#include "attune/nn/attention.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/tape.h"

namespace attune::nn {
namespace {

using namespace attune::internal;

// What all blocks of queries share.
struct Attention {
  double scale;
  Tensor mask;  // undefined, or broadcast to the scores
  bool causal;

  // The scores of the queries from `first` on, q being a block of them.
  Tensor scores(const Tensor& q, const Tensor& k, int64_t first) const {
    Tensor s = (q * scale).matmul(k.t());
    const int64_t n = q.size(-2);
    constexpr double kNever = -std::numeric_limits<double>::infinity();
    if (mask.defined()) {
      const bool whole = mask.rank() < 2 || mask.size(-2) == 1;
      const Tensor part = whole ? mask : mask.narrow(-2, first, n);
      s = part.dtype() == DType::boolean ? s.masked_fill(part.logical_not(), kNever)
                                         : s + part.cast(s.dtype());
    }
    if (causal) {
      const Tensor seen = Tensor::tri(n, k.size(-2), first, DType::boolean);
      s = s.masked_fill(seen.logical_not(), kNever);
    }
    return s;
  }

  // The weights; 0 where a query sees nothing, whose softmax is NaN.
  Tensor weights(const Tensor& q, const Tensor& k, int64_t first) const {
    const Tensor s = scores(q, k, first);
    if (!mask.defined() || s.numel() == 0) return s.softmax(-1);  // a causal query sees a key
    const Tensor blind = s.detach().max(-1, keep_dims).eq(-INFINITY);
    if (!blind.any().item<bool>()) return s.softmax(-1);
    // Such scores are replaced first, or the gradient of their softmax would be NaN.
    return s.masked_fill(blind, 0).softmax(-1).masked_fill(blind, 0);
  }
};

// Queries at a time: about 2^20 weights.
int64_t block_of(const Tensor& q, const Tensor& k) {
  const int64_t width = std::max<int64_t>(q.size(-1), 1);
  const int64_t row = std::max<int64_t>(q.numel() / width / std::max<int64_t>(q.size(-2), 1), 1) *
                      std::max<int64_t>(k.size(-2), 1);
  return std::max<int64_t>((int64_t{1} << 20) / row, 16);
}

template <class Body>
void each_block(const Tensor& q, const Tensor& k, const Body& body) {
  const int64_t block = block_of(q, k), n = q.size(-2);
  for (int64_t first = 0; first < n; first += block) body(first, std::min(block, n - first));
}

// Made of ops, recorded one by one.
Tensor attention_of_ops(const Attention& a, const Tensor& q, const Tensor& k, const Tensor& v) {
  return a.weights(q, k, 0).matmul(v);
}

// The gradients, some queries at a time: the weights are computed again.
void add_gradients(const Attention& a, const Tensor& q, const Tensor& k, const Tensor& v,
                   const Tensor& dy, Gradients& grads) {
  std::vector<Tensor> dq;
  Tensor dk, dv;
  const auto sum = [](Tensor& total, const Tensor& part) {
    total = total.defined() ? total + part : part;
  };
  each_block(q, k, [&](int64_t first, int64_t n) {
    const Tensor part = q.narrow(-2, first, n), up = dy.narrow(-2, first, n);
    const Tensor w = a.weights(part, k, first), dw = up.matmul(v.t());
    const Tensor ds = w * (dw - (w * dw).sum(-1, keep_dims)) * a.scale;
    dq.push_back(ds.matmul(k));
    if (grads.wants(1)) sum(dk, ds.t().matmul(part));
    if (grads.wants(2)) sum(dv, w.t().matmul(up));
  });
  if (grads.wants(0)) grads.add(0, cat(dq, -2));
  if (grads.wants(1)) grads.add(1, dk);
  if (grads.wants(2)) grads.add(2, dv);
}

Tensor attended(const Attention& a, const Tensor& q, const Tensor& k, const Tensor& v) {
  if (q.numel() == 0 || k.numel() == 0 || v.numel() == 0 || tracks(a.mask)) {
    return attention_of_ops(a, q, k, v);
  }
  std::vector<Tensor> parts;
  const Tensor plain_k = k.detach(), plain_v = v.detach(), plain_q = q.detach();
  each_block(q, k, [&](int64_t first, int64_t n) {
    parts.push_back(a.weights(plain_q.narrow(-2, first, n), plain_k, first).matmul(plain_v));
  });
  Tensor y = parts.size() == 1 ? parts[0] : cat(parts, -2);
  if (tracks(q, k, v)) {
    record("attention", y, {&q, &k, &v}, [a, q, k, v](const Tensor& dy, Gradients& grads) {
      add_gradients(a, q, k, v, dy, grads);  // of ops: there to any order
    });
  }
  return y;
}

void check_operands(const Tensor& q, const Tensor& k, const Tensor& v) {
  require_defined("attention", q, k, v);
  check<ShapeError>(q.rank() >= 2 && q.rank() == k.rank() && q.rank() == v.rank(),
                    "attention: needs [..., length, width], got {}, {} and {}", q.shape(),
                    k.shape(), v.shape());
  bool fits = q.size(-1) == k.size(-1) && k.size(-2) == v.size(-2);
  for (int axis = 0; axis + 2 < q.rank(); ++axis) {
    fits = fits && q.size(axis) == k.size(axis) && q.size(axis) == v.size(axis);
  }
  check<ShapeError>(fits, "attention: {}, {} and {} do not fit", q.shape(), k.shape(), v.shape());
  check<DTypeError>(is_floating(q.dtype()) && q.dtype() == k.dtype() && q.dtype() == v.dtype(),
                    "attention: needs one floating dtype, got {}, {} and {}", q.dtype(), k.dtype(),
                    v.dtype());
}

}  // namespace

Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v, const AttentionOptions& o) {
  check_operands(q, k, v);
  check<ValueError>(o.dropout >= 0 && o.dropout < 1 && (o.dropout == 0 || o.rng != nullptr),
                    "attention: dropout must be in [0, 1) and needs an rng, got {}", o.dropout);
  if (o.mask.defined()) {
    Shape of_scores = q.shape();
    of_scores[of_scores.rank() - 1] = k.size(-2);
    check<ShapeError>(broadcast("attention", o.mask.shape(), of_scores) == of_scores,
                      "attention: the mask {} does not broadcast to {}", o.mask.shape(), of_scores);
    check<DTypeError>(is_floating(o.mask.dtype()) || o.mask.dtype() == DType::boolean,
                      "attention: the mask must be boolean or floating, got {}", o.mask.dtype());
  }
  const DType computed = types_of("attention", Takes::floating, q.dtype()).computed;
  const Attention a{1 / std::sqrt(static_cast<double>(std::max<int64_t>(q.size(-1), 1))), o.mask,
                    o.causal};
  const Tensor left = into(q, computed), keys = into(k, computed), values = into(v, computed);
  const Tensor y = o.dropout == 0
                       ? attended(a, left, keys, values)
                       : a.weights(left, keys, 0).dropout(o.dropout, *o.rng).matmul(values);
  return into(y, q.dtype());
}

MultiheadAttention::MultiheadAttention(int64_t width, int64_t heads, Rng& rng,
                                       const MultiheadAttentionOptions& o)
    : out_proj(width, width, rng, {.bias = o.bias}),
      heads_(heads),
      dropout_(o.dropout),
      rng_(rng.fork("attention").fork(static_cast<int64_t>(rng.next_u64()))) {
  check<ValueError>(heads > 0 && width % heads == 0,
                    "MultiheadAttention: {} heads do not divide a width of {}", heads, width);
  check<ValueError>(o.dropout >= 0 && o.dropout < 1,
                    "MultiheadAttention: dropout must be in [0, 1), got {}", o.dropout);
  in_proj_weight = Tensor::xavier_uniform({3 * width, width}, rng);
  if (!o.bias) return;
  in_proj_bias = Tensor::zeros({3 * width});
  out_proj.bias = Tensor::zeros({width});
}

Tensor MultiheadAttention::forward(const Tensor& query, const Tensor& key, const Tensor& value,
                                   const AttentionMasks& masks) {
  const int64_t width = in_proj_weight.size(1), each = width / heads_;
  for (const Tensor* x : {&query, &key, &value}) {
    check<ShapeError>(x->rank() == 3 && x->size(2) == width && x->size(0) == query.size(0),
                      "MultiheadAttention: takes [batch, length, {}], got {}, {} and {}", width,
                      query.shape(), key.shape(), value.shape());
  }
  const int64_t batch = query.size(0), queries = query.size(1), keys = key.size(1);
  // [batch, heads, length, each]
  const auto in_heads = [&](const Tensor& y) {
    return y.reshape({batch, y.size(1), heads_, each}).transpose(1, 2);
  };
  const auto projected = [&](const Tensor& x, int64_t first) {
    const Tensor w = in_proj_weight.narrow(0, first * width, width);
    return in_heads(linear(
        x, w, in_proj_bias.defined() ? in_proj_bias.narrow(0, first * width, width) : Tensor()));
  };
  Tensor mask = masks.attention;
  if (mask.defined() && mask.rank() == 3) mask = mask.reshape({batch, heads_, queries, keys});
  if (masks.keys.defined()) {
    check<ShapeError>(
        masks.keys.shape() == Shape({batch, keys}) && masks.keys.dtype() == DType::boolean,
        "MultiheadAttention: the mask of keys must be boolean [{}, {}], got {} {}", batch, keys,
        masks.keys.dtype(), masks.keys.shape());
    const Tensor seen = masks.keys.reshape({batch, 1, 1, keys});
    if (!mask.defined()) {
      mask = seen;
    } else if (mask.dtype() == DType::boolean) {
      mask = mask.logical_and(seen);
    } else {
      mask = where(seen, mask, Tensor::full({}, -INFINITY, mask.dtype()));
    }
  }
  const bool drops = training() && dropout_ > 0;
  const Tensor y = attention(projected(query, 0), projected(key, 1), projected(value, 2),
                             {.mask = mask,
                              .causal = masks.causal,
                              .dropout = drops ? dropout_ : 0,
                              .rng = drops ? &rng_ : nullptr});
  return out_proj(y.transpose(1, 2).reshape({batch, queries, width}));
}

void MultiheadAttention::fields(Fields& f) {
  f("in_proj_weight", in_proj_weight)("in_proj_bias", in_proj_bias)("out_proj", out_proj);
  f.stream("rng", rng_);
}

std::string MultiheadAttention::describe() const {
  return fmt::format("MultiheadAttention({}, {} heads)", in_proj_weight.size(1), heads_);
}

}  // namespace attune::nn
