#include "attune/nn/dropout.h"

#include "attune/tensor/internal/check.h"

namespace attune::nn {

Dropout::Dropout(double probability, Rng& rng)
    : p(probability), rng_(rng.fork("dropout").fork(static_cast<int64_t>(rng.next_u64()))) {
  check<ValueError>(p >= 0 && p < 1, "Dropout: the probability must be in [0, 1), got {}", p);
}

Tensor Dropout::forward(const Tensor& x) { return training() && p > 0 ? x.dropout(p, rng_) : x; }

std::string Dropout::describe() const { return fmt::format("Dropout({})", p); }

}  // namespace attune::nn
