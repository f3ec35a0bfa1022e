#pragma once
// Attention: the function, and the layer with several heads. Vaswani et al., "Attention is all you
// need" (2017).

#include <cstdint>

#include "attune/nn/linear.h"
#include "attune/nn/module.h"

namespace attune::nn {

struct AttentionOptions {
  // Broadcast to [..., queries, keys]. Boolean: true where a query may look at a key. Floating:
  // added to the scores.
  Tensor mask{};
  bool causal = false;  // a query looks at the keys up to its own position only
  double dropout = 0;   // of the weights; needs `rng`
  Rng* rng = nullptr;
};

// softmax(q k^T / sqrt(width) + mask) v: q [..., queries, width], k [..., keys, width], v [...,
// keys, width of v] -> [..., queries, width of v]; batch axes are equal. A query without a key to
// look at returns 0. Some queries at a time, so that the matrix of all weights is never in memory,
// neither here nor for the gradient, unless there is dropout. ShapeError, DTypeError.
Tensor attention(const Tensor& q, const Tensor& k, const Tensor& v,
                 const AttentionOptions& options = {});

struct MultiheadAttentionOptions {
  double dropout = 0;  // of the weights, in training
  bool bias = true;
};

struct AttentionMasks {
  // Boolean, true where a query may look at a key, or floating, added: [queries, keys], or
  // [batch * heads, queries, keys].
  Tensor attention{};
  Tensor keys{};        // boolean [batch, keys]: true for those that are there, not padding
  bool causal = false;  // a query looks at the keys up to its own position only
};

// Attention between parts of the width, each with projections of its own: query [batch, queries,
// width], key and value [batch, keys, width] -> [batch, queries, width]. Batches come first, unlike
// PyTorch's default, and masks say what may be seen, where PyTorch's boolean ones say what may not.
// Parameters are PyTorch's: in_proj_weight [3 width, width], in_proj_bias, out_proj.weight and
// out_proj.bias.
class MultiheadAttention : public ModuleOf<MultiheadAttention> {
 public:
  // ValueError unless `heads` divides `width`.
  MultiheadAttention(int64_t width, int64_t heads, Rng& rng,
                     const MultiheadAttentionOptions& options = {});
  Tensor forward(const Tensor& query, const Tensor& key, const Tensor& value,
                 const AttentionMasks& masks = {});
  void fields(Fields& f) override;
  std::string describe() const override;

  Tensor in_proj_weight, in_proj_bias;
  Linear out_proj;

 private:
  int64_t heads_;
  double dropout_;
  Rng rng_;
};

}  // namespace attune::nn
