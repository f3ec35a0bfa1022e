#include "attune/nn/dataset.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"

namespace attune::nn {
namespace {

// Copies of the given rows of a contiguous x, into a block of the pool.
Tensor gather_rows(const Tensor& x, std::span<const int64_t> which) {
  Shape shape = x.shape();
  shape[0] = static_cast<int64_t>(which.size());
  const Tensor y = internal::make(shape, x.dtype());
  if (x.size(0) == 0) return y;
  const size_t bytes = static_cast<size_t>(x.numel() / x.size(0)) * byte_size(x.dtype());
  const char* from = internal::block(x).data;
  char* to = internal::block(y).data;
  const auto copy = [&](auto size) {
    for (size_t i = 0; i < which.size(); ++i) {
      std::memcpy(to + i * size, from + static_cast<size_t>(which[i]) * size, size);
    }
  };
  switch (bytes) {  // a length the compiler knows makes a copy one instruction: labels
    case 4: copy(std::integral_constant<size_t, 4>()); break;
    case 8: copy(std::integral_constant<size_t, 8>()); break;
    default: copy(bytes);
  }
  return y;
}

}  // namespace

int64_t Dataset::size() const {
  check<ShapeError>(x.rank() > 0 && y.rank() > 0 && x.size(0) == y.size(0),
                    "Dataset: x and y need as many rows, got x {} and y {}", x.shape(), y.shape());
  return x.size(0);
}

Dataset Dataset::rows(const std::vector<int64_t>& which) const {
  const int64_t n = size();
  for (const int64_t row : which) {
    check<IndexError>(row >= 0 && row < n, "Dataset: row {} of {}", row, n);
  }
  return {gather_rows(x.contiguous(), which), gather_rows(y.contiguous(), which)};
}

Loader::Loader(Dataset dataset, LoaderOptions options)
    : dataset_(std::move(dataset)), options_(options), rows_(dataset_.size()) {
  check<ValueError>(options_.batch_size >= 1, "Loader: batch_size must be at least 1, got {}",
                    options_.batch_size);
  check<ValueError>(rows_ > 0, "Loader: the data set has no rows");
  check<ValueError>(!options_.drop_last || rows_ >= options_.batch_size,
                    "Loader: drop_last with {} rows and batches of {} leaves nothing", rows_,
                    options_.batch_size);
  dataset_ = {dataset_.x.contiguous(), dataset_.y.contiguous()};
}

int64_t Loader::batches() const {
  const int64_t full = rows_ / options_.batch_size;
  return full * options_.batch_size == rows_ || options_.drop_last ? full : full + 1;
}

Loader::Iterator Loader::begin() {
  if (options_.shuffle) {
    Rng rng = options_.shuffle->fork(epoch_);
    order_ = Tensor::permutation(rows_, rng);
  }
  ++epoch_;
  return Iterator(this);
}

Dataset Loader::batch(int64_t i) const {
  const int64_t begin = i * options_.batch_size;
  const int64_t length = std::min(options_.batch_size, rows_ - begin);
  if (!order_.defined()) {
    return {dataset_.x.narrow(0, begin, length), dataset_.y.narrow(0, begin, length)};
  }
  const auto which =
      order_.data<int64_t>().subspan(static_cast<size_t>(begin), static_cast<size_t>(length));
  return {gather_rows(dataset_.x, which), gather_rows(dataset_.y, which)};
}

}  // namespace attune::nn
