#pragma once
// A table of vectors, looked up by integer.

#include "attune/nn/module.h"

namespace attune::nn {

// y[...] = weight[x[...]]:  x [...], i32 or i64 in [0, count) -> [..., width].
// weight [count, width] starts as N(0, 1), as PyTorch's. IndexError for a number outside, -1 too.
class Embedding : public Module {
 public:
  Embedding(int64_t count, int64_t width, Rng& rng);
  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override { f("weight", weight); }
  std::string describe() const override;

  Tensor weight;
};

}  // namespace attune::nn
