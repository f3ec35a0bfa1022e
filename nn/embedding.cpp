#include "attune/nn/embedding.h"

#include "attune/tensor/internal/check.h"

namespace attune::nn {

Embedding::Embedding(int64_t count, int64_t width, Rng& rng) {
  check<ValueError>(count > 0 && width > 0,
                    "Embedding: sizes must be positive, got count={}, width={}", count, width);
  weight = Tensor::randn({count, width}, rng);
}

Tensor Embedding::forward(const Tensor& x) {
  check<DTypeError>(x.dtype() == DType::i32 || x.dtype() == DType::i64,
                    "Embedding: x must hold i32 or i64 numbers, got {}", x.dtype());
  Shape shape = x.shape();
  shape.push_back(weight.size(1));
  return weight.index_select(0, x.reshape({x.numel()})).reshape(shape);
}

std::string Embedding::describe() const {
  return fmt::format("Embedding({} x {})", weight.size(0), weight.size(1));
}

}  // namespace attune::nn
