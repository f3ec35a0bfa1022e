#pragma once
// The layers of a transformer. Vaswani et al., "Attention is all you need" (2017). Batches come
// first: [batch, length, width]. Names are PyTorch's.

#include "attune/nn/attention.h"
#include "attune/nn/dropout.h"
#include "attune/nn/layer_norm.h"
#include "attune/nn/linear.h"

namespace attune::nn {

struct TransformerOptions {
  int64_t feedforward = 2048;  // the width between the two linear layers
  double dropout = 0.1;
  bool gelu = false;        // the activation between them; relu otherwise
  bool norm_first = false;  // normalize in front of each part, not behind it (Xiong et al., 2020)
  double epsilon = 1e-5;
};

// Self-attention and two linear layers, each added to its input: x [batch, length, width] -> same.
class TransformerEncoderLayer : public Module {
 public:
  TransformerEncoderLayer(int64_t width, int64_t heads, Rng& rng,
                          const TransformerOptions& options = {});
  Tensor forward(const Tensor& x) override { return forward(x, {}); }
  Tensor forward(const Tensor& x, const AttentionMasks& masks);
  void fields(Fields& f) override;

  MultiheadAttention self_attn;
  Linear linear1, linear2;
  LayerNorm norm1, norm2;

 private:
  Tensor fed_forward(const Tensor& x);

  Dropout dropout_, dropout1_, dropout2_;
  bool gelu_, norm_first_;
};

// The same with attention to what an encoder made of another sequence, `memory`, in between.
class TransformerDecoderLayer : public ModuleOf<TransformerDecoderLayer> {
 public:
  TransformerDecoderLayer(int64_t width, int64_t heads, Rng& rng,
                          const TransformerOptions& options = {});
  // `masks` are for x [batch, length, width], `memory_masks` for memory [batch, keys, width].
  Tensor forward(const Tensor& x, const Tensor& memory, const AttentionMasks& masks = {},
                 const AttentionMasks& memory_masks = {});
  void fields(Fields& f) override;

  MultiheadAttention self_attn, multihead_attn;
  Linear linear1, linear2;
  LayerNorm norm1, norm2, norm3;

 private:
  Tensor fed_forward(const Tensor& x);

  Dropout dropout_, dropout1_, dropout2_, dropout3_;
  bool gelu_, norm_first_;
};

// x [batch, length, width] plus sines and cosines of its positions: sin(t / 10000^(i / width)) at
// an even i, the cosine of the same at i + 1. Has no parameters; length is at most max_length.
class PositionalEncoding : public Module {
 public:
  PositionalEncoding(int64_t width, int64_t max_length = 5000);
  Tensor forward(const Tensor& x) override;
  std::string describe() const override;

 private:
  Tensor table_;  // [max_length, width], f32: made anew, never saved
};

}  // namespace attune::nn
