#pragma once
// A data set in memory, and batches of its rows.

#include <cstdint>
#include <iterator>
#include <optional>
#include <utility>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tensor/tensor.h"

namespace attune::nn {

// Row i of x belongs to row i of y: x [rows, ...], y [rows, ...]. In y, integers are labels of
// classes and floating numbers are values to predict.
struct Dataset {
  Tensor x, y;

  int64_t size() const;  // number of rows; ShapeError if x and y differ in it or have no axis
  Dataset rows(const std::vector<int64_t>& which) const;  // copies these rows, in this order
};

struct LoaderOptions {
  int64_t batch_size = 32;
  std::optional<Rng> shuffle{};  // a new order each epoch; without it rows come as they are
  bool drop_last = false;        // skips a last batch that is not full
};

// for (const auto& [x, y] : loader) iterates over one epoch. The order of epoch n depends only on
// the shuffle key and n. A Loader is a value: a copy continues from the same epoch.
class Loader {
 public:
  // ValueError without rows, for batch_size < 1, or if drop_last would skip everything.
  Loader(Dataset dataset, LoaderOptions options);

  class Iterator {
   public:
    using value_type = Dataset;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    Dataset operator*() const { return loader_->batch(order_, position_); }
    Iterator& operator++() {
      ++position_;
      return *this;
    }
    void operator++(int) { ++position_; }
    bool operator==(std::default_sentinel_t) const { return position_ >= loader_->batches(); }

   private:
    friend class Loader;
    Iterator(const Loader* loader, Tensor order) : loader_(loader), order_(std::move(order)) {}
    const Loader* loader_ = nullptr;
    Tensor order_;  // of this epoch; undefined: as the rows are
    int64_t position_ = 0;
  };

  Iterator begin();  // starts the next epoch
  std::default_sentinel_t end() const { return {}; }

  int64_t batches() const;                  // per epoch
  int64_t epoch() const { return epoch_; }  // number of the next one
  void seek(int64_t epoch);                 // makes `epoch` the next one; ValueError if negative

 private:
  Dataset batch(const Tensor& order, int64_t i) const;

  Dataset dataset_;
  LoaderOptions options_;
  int64_t rows_;
  int64_t epoch_ = 0;
};

}  // namespace attune::nn
