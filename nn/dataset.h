#pragma once
// A data set in memory, and batches of its rows.

#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
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

// Changes a batch before it is handed out: augments it (nn/augment.h), scales it, cuts it. Its
// random numbers depend only on LoaderOptions::transform_rng, the epoch and the batch's place in
// it.
using Transform = std::function<Dataset(Dataset batch, Rng& rng)>;

namespace internal {
struct Epoch;
class Prefetch;
}  // namespace internal

struct LoaderOptions {
  int64_t batch_size = 32;
  std::optional<Rng> shuffle{};  // a new order each epoch; without it rows come as they are
  bool drop_last = false;        // skips a last batch that is not full
  // So many threads make the next batches, at most two each, while one is worked on; 0: each is
  // made when it is asked for. The batches are the same, bit for bit. `transform` is called by
  // several of them at once; what it throws arrives at whoever asks for its batch.
  int workers = 0;
  Transform transform{};
  Rng transform_rng{0};
};

// for (const auto& [x, y] : loader) iterates over one epoch. The order of epoch n depends only on
// the shuffle key and n. A Loader is a value: a copy continues from the same epoch. An epoch that
// is left early waits for no more than the batches that workers are just making. What a tape
// watches is gathered without workers, so that the gradient reaches it.
class Loader {
 public:
  // ValueError without rows, for batch_size < 1 or workers < 0, or if drop_last would skip
  // everything.
  Loader(Dataset dataset, LoaderOptions options);

  class Iterator {
   public:
    using value_type = Dataset;
    using difference_type = std::ptrdiff_t;

    Iterator() = default;
    Dataset operator*() const;
    Iterator& operator++() {
      ++position_;
      return *this;
    }
    void operator++(int) { ++position_; }
    bool operator==(std::default_sentinel_t) const { return position_ >= batches_; }

   private:
    friend class Loader;
    std::shared_ptr<const internal::Epoch> epoch_;
    std::shared_ptr<internal::Prefetch> prefetch_;  // null: no workers
    int64_t position_ = 0, batches_ = 0;
  };

  Iterator begin();  // starts the next epoch
  std::default_sentinel_t end() const { return {}; }

  int64_t batches() const;                  // per epoch
  int64_t epoch() const { return epoch_; }  // number of the next one
  void seek(int64_t epoch);                 // makes `epoch` the next one; ValueError if negative

 private:
  Dataset dataset_;
  LoaderOptions options_;
  int64_t rows_;
  int64_t epoch_ = 0;
};

}  // namespace attune::nn
