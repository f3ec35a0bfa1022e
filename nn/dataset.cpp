#include "attune/nn/dataset.h"

#include <algorithm>
#include <cstring>
#include <span>

#include "attune/nn/internal/epoch.h"
#include "attune/nn/internal/rows.h"
#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/record.h"

namespace attune::nn {

Tensor internal::gather_rows(const Tensor& x, std::span<const int64_t> which) {
  if (attune::internal::tracks(x)) {  // a tape wants the gradient of the data
    return x.index_select(0, Tensor::from(which, {static_cast<int64_t>(which.size())}));
  }
  Shape shape = x.shape();
  shape[0] = static_cast<int64_t>(which.size());
  const Tensor y = attune::internal::make(shape, x.dtype());
  if (y.numel() == 0) return y;
  const size_t bytes = static_cast<size_t>(x.numel() / x.size(0)) * byte_size(x.dtype());
  const char* from = attune::internal::block(x).data;
  char* to = attune::internal::block(y).data;
  const auto copy = [&](auto size) {
    for (size_t i = 0; i < which.size(); ++i) {
      std::memcpy(to + i * size, from + static_cast<size_t>(which[i]) * size, size);
    }
  };
  switch (bytes) {  // labels: with a size known to the compiler a copy is one instruction
    case 4: copy(std::integral_constant<size_t, 4>()); break;
    case 8: copy(std::integral_constant<size_t, 8>()); break;
    default: copy(bytes);
  }
  return y;
}

int64_t Dataset::size() const {
  check<ShapeError>(x.rank() > 0 && y.rank() > 0 && x.size(0) == y.size(0),
                    "Dataset: x and y must have the same number of rows, got x {} and y {}",
                    x.shape(), y.shape());
  return x.size(0);
}

Dataset Dataset::rows(const std::vector<int64_t>& which) const {
  const int64_t n = size();
  for (const int64_t row : which) {
    check<IndexError>(row >= 0 && row < n, "Dataset: row {} of {}", row, n);
  }
  return {internal::gather_rows(x.contiguous(), which),
          internal::gather_rows(y.contiguous(), which)};
}

Loader::Loader(Dataset dataset, LoaderOptions options)
    : dataset_(std::move(dataset)), options_(std::move(options)), rows_(dataset_.size()) {
  check<ValueError>(options_.batch_size >= 1, "Loader: batch_size must be at least 1, got {}",
                    options_.batch_size);
  check<ValueError>(options_.workers >= 0, "Loader: workers must not be negative, got {}",
                    options_.workers);
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
  auto epoch = std::make_shared<internal::Epoch>();
  epoch->data = dataset_;
  epoch->rows = rows_, epoch->batch_size = options_.batch_size, epoch->batches = batches();
  epoch->transform = options_.transform;
  epoch->rng = options_.transform_rng.fork(epoch_);
  if (options_.shuffle) {
    Rng rng = options_.shuffle->fork(epoch_);
    epoch->order = Tensor::permutation(rows_, rng);
  }
  ++epoch_;
  Iterator first;
  first.batches_ = epoch->batches;
  first.epoch_ = epoch;
  if (options_.workers > 0 && !attune::internal::tracks(dataset_.x, dataset_.y)) {
    first.prefetch_ = {new internal::Prefetch(*epoch, options_.workers),
                       [epoch](internal::Prefetch* p) { delete p; }};  // which uses the epoch
  }
  return first;
}

Dataset Loader::Iterator::operator*() const {
  return prefetch_ != nullptr ? prefetch_->take(position_) : epoch_->batch(position_);
}

void Loader::seek(int64_t epoch) {
  check<ValueError>(epoch >= 0, "Loader: epochs count from 0, got {}", epoch);
  epoch_ = epoch;
}

}  // namespace attune::nn
