#pragma once
// Rows to learn from, and batches of them.

#include <cstdint>
#include <iterator>
#include <optional>
#include <vector>

#include "attune/tensor/rng.h"
#include "attune/tensor/tensor.h"

namespace attune::nn {

// Row i of x belongs to row i of y: x [rows, ...], y [rows, ...]. Integer labels for classes,
// floating ones for numbers.
struct Dataset {
  Tensor x, y;

  int64_t size() const;  // rows; ShapeError if x and y differ or have no axis
  Dataset rows(const std::vector<int64_t>& which) const;  // copies of these rows, in this order
};

struct LoaderOptions {
  int64_t batch_size = 32;
  std::optional<Rng> shuffle{};  // a new order each epoch; none: the order of the rows
  bool drop_last = false;        // leaves out a last batch that is not full
};

// for (const auto& [x, y] : loader): one epoch. The order of epoch n is a function of the shuffle
// key and n alone. A Loader is a value: its copy goes on from the same epoch.
class Loader {
 public:
  Loader(Dataset dataset, LoaderOptions options);  // ValueError: no rows, or batch_size < 1

  class Iterator {
   public:
    using value_type = Dataset;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    Dataset operator*() const { return loader_->batch(position_); }
    Iterator& operator++() {
      ++position_;
      return *this;
    }
    void operator++(int) { ++position_; }
    bool operator==(std::default_sentinel_t) const { return position_ >= loader_->batches(); }

   private:
    friend class Loader;
    explicit Iterator(const Loader* loader) : loader_(loader) {}
    const Loader* loader_ = nullptr;
    int64_t position_ = 0;
  };

  Iterator begin();  // starts the next epoch
  std::default_sentinel_t end() const { return {}; }

  int64_t batches() const;                      // in an epoch
  int64_t epoch() const { return epoch_; }      // epochs begun
  void seek(int64_t epoch) { epoch_ = epoch; }  // so that the next one begun is number `epoch`

 private:
  Dataset batch(int64_t i) const;

  Dataset dataset_;
  LoaderOptions options_;
  int64_t rows_;
  int64_t epoch_ = 0;
  Tensor order_;  // of this epoch; undefined: as the rows are
};

}  // namespace attune::nn
