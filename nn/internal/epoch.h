#pragma once
// The batches of one epoch of a Loader, and threads that make them before they are asked for.

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "attune/nn/dataset.h"
#include "attune/tensor/internal/account.h"

namespace attune::nn::internal {

// What every batch is a function of; several threads may ask for batches at once.
struct Epoch {
  Dataset data;  // contiguous
  Tensor order;  // of the rows; undefined: as they are
  int64_t rows = 0, batch_size = 1, batches = 0;
  Transform transform;
  Rng rng{0};  // of this epoch, for `transform`

  Dataset batch(int64_t i) const;
};

class Prefetch {
 public:
  Prefetch(const Epoch& epoch, int workers);
  ~Prefetch();  // waits for the batches that are being made, and makes no more
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  Dataset take(int64_t i);  // throws what making the batch threw

 private:
  struct Made {
    Dataset batch;
    std::exception_ptr error;
  };
  void work();

  const Epoch& epoch_;
  const int64_t ahead_;  // how many batches may wait
  attune::internal::Account* const account_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::map<int64_t, Made> made_;
  int64_t next_ = 0;    // the next to be made
  int64_t wanted_ = 0;  // the last that was asked for
  bool stopped_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace attune::nn::internal
