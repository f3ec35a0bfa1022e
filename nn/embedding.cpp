#include "attune/nn/embedding.h"

#include "attune/tensor/internal/check.h"

namespace attune::nn {
namespace {

template <class T>
void check_rows(const Tensor& x, int64_t count) {
  for (const T row : x.data<T>()) {
    check<IndexError>(row >= 0 && row < count,
                      "Embedding: x holds {}, but the table has rows 0 to {}", row, count - 1);
  }
}

}  // namespace

Embedding::Embedding(int64_t count, int64_t width, Rng& rng) {
  check<ValueError>(count > 0 && width > 0,
                    "Embedding: sizes must be positive, got count={}, width={}", count, width);
  weight = Tensor::randn({count, width}, rng);
}

Tensor Embedding::forward(const Tensor& x) {
  check<DTypeError>(x.dtype() == DType::i32 || x.dtype() == DType::i64,
                    "Embedding: x must hold i32 or i64 numbers, got {}", x.dtype());
  const Tensor rows = x.contiguous().reshape({x.numel()});
  // index_select() takes -1 as the last row; here it is a mistake.
  x.dtype() == DType::i32 ? check_rows<int32_t>(rows, weight.size(0))
                          : check_rows<int64_t>(rows, weight.size(0));
  Shape shape = x.shape();
  shape.push_back(weight.size(1));
  return weight.index_select(0, rows).reshape(shape);
}

std::string Embedding::describe() const {
  return fmt::format("Embedding({} x {})", weight.size(0), weight.size(1));
}

}  // namespace attune::nn
