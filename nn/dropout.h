#pragma once
// Dropout, a regularizer.

#include "attune/nn/module.h"

namespace attune::nn {

// In training, zeroes each element with probability p and divides the rest by 1 - p; in evaluation,
// returns x itself. Owns a random stream, keyed by one number drawn from `rng`; a copy of the layer
// continues with the same numbers. Srivastava et al. (2014).
class Dropout : public Module {
 public:
  Dropout(double p, Rng& rng);  // ValueError unless 0 <= p < 1
  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override { f.stream("rng", rng_); }
  std::string describe() const override;

  double p;

 private:
  Rng rng_;
};

}  // namespace attune::nn
