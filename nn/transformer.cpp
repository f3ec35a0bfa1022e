#include "attune/nn/transformer.h"

#include <cmath>

#include "attune/tensor/internal/check.h"

namespace attune::nn {
namespace {

// What follows the attention: norm(x + part(x)), or x + part(norm(x)).
template <class Part>
Tensor added(bool norm_first, LayerNorm& norm, const Tensor& x, const Part& part) {
  return norm_first ? x + part(norm(x)) : norm(x + part(x));
}

}  // namespace

TransformerEncoderLayer::TransformerEncoderLayer(int64_t width, int64_t heads, Rng& rng,
                                                 const TransformerOptions& o)
    : self_attn(width, heads, rng, {.dropout = o.dropout}),
      linear1(width, o.feedforward, rng),
      linear2(o.feedforward, width, rng),
      norm1(width, {.epsilon = o.epsilon}),
      norm2(width, {.epsilon = o.epsilon}),
      dropout_(o.dropout, rng),
      dropout1_(o.dropout, rng),
      dropout2_(o.dropout, rng),
      gelu_(o.gelu),
      norm_first_(o.norm_first) {}

Tensor TransformerEncoderLayer::fed_forward(const Tensor& x) {
  const Tensor hidden = linear1(x);
  return dropout2_(linear2(dropout_(gelu_ ? hidden.gelu() : hidden.relu())));
}

Tensor TransformerEncoderLayer::forward(const Tensor& input, const AttentionMasks& masks) {
  const Tensor x = added(norm_first_, norm1, input,
                         [&](const Tensor& y) { return dropout1_(self_attn(y, y, y, masks)); });
  return added(norm_first_, norm2, x, [&](const Tensor& y) { return fed_forward(y); });
}

void TransformerEncoderLayer::fields(Fields& f) {
  f("self_attn", self_attn)("linear1", linear1)("dropout", dropout_)("linear2", linear2);
  f("norm1", norm1)("norm2", norm2)("dropout1", dropout1_)("dropout2", dropout2_);
}

TransformerDecoderLayer::TransformerDecoderLayer(int64_t width, int64_t heads, Rng& rng,
                                                 const TransformerOptions& o)
    : self_attn(width, heads, rng, {.dropout = o.dropout}),
      multihead_attn(width, heads, rng, {.dropout = o.dropout}),
      linear1(width, o.feedforward, rng),
      linear2(o.feedforward, width, rng),
      norm1(width, {.epsilon = o.epsilon}),
      norm2(width, {.epsilon = o.epsilon}),
      norm3(width, {.epsilon = o.epsilon}),
      dropout_(o.dropout, rng),
      dropout1_(o.dropout, rng),
      dropout2_(o.dropout, rng),
      dropout3_(o.dropout, rng),
      gelu_(o.gelu),
      norm_first_(o.norm_first) {}

Tensor TransformerDecoderLayer::fed_forward(const Tensor& x) {
  const Tensor hidden = linear1(x);
  return dropout3_(linear2(dropout_(gelu_ ? hidden.gelu() : hidden.relu())));
}

Tensor TransformerDecoderLayer::forward(const Tensor& input, const Tensor& memory,
                                        const AttentionMasks& masks,
                                        const AttentionMasks& memory_masks) {
  Tensor x = added(norm_first_, norm1, input,
                   [&](const Tensor& y) { return dropout1_(self_attn(y, y, y, masks)); });
  x = added(norm_first_, norm2, x, [&](const Tensor& y) {
    return dropout2_(multihead_attn(y, memory, memory, memory_masks));
  });
  return added(norm_first_, norm3, x, [&](const Tensor& y) { return fed_forward(y); });
}

void TransformerDecoderLayer::fields(Fields& f) {
  f("self_attn", self_attn)("multihead_attn", multihead_attn)("linear1", linear1);
  f("dropout", dropout_)("linear2", linear2)("norm1", norm1)("norm2", norm2)("norm3", norm3);
  f("dropout1", dropout1_)("dropout2", dropout2_)("dropout3", dropout3_);
}

PositionalEncoding::PositionalEncoding(int64_t width, int64_t max_length) {
  check<ValueError>(width > 0 && width % 2 == 0 && max_length > 0,
                    "PositionalEncoding: needs an even width and a length above 0, got {} and {}",
                    width, max_length);
  const Tensor place = Tensor::arange(0, max_length, 1, DType::f64).unsqueeze(1);
  const Tensor rate =
      (Tensor::arange(0, width, 2, DType::f64) * (-std::log(10000.0) / static_cast<double>(width)))
          .exp();
  const Tensor angles = place * rate;
  table_ = stack({angles.sin(), angles.cos()}, 2).flatten(1).cast(DType::f32);
}

Tensor PositionalEncoding::forward(const Tensor& x) {
  check<ShapeError>(x.rank() >= 2 && x.size(-1) == table_.size(1) && x.size(-2) <= table_.size(0),
                    "PositionalEncoding: takes [..., length, {}] of at most {} positions, got {}",
                    table_.size(1), table_.size(0), x.shape());
  return x + table_.narrow(0, 0, x.size(-2)).cast(x.dtype());
}

std::string PositionalEncoding::describe() const {
  return fmt::format("PositionalEncoding({})", table_.size(1));
}

}  // namespace attune::nn
