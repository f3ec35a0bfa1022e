#pragma once
// Products split their work themselves, in pieces fixed by the shape, so BLAS gets one thread.

#include <omp.h>

namespace attune::internal {

// While it exists, OpenBLAS's OpenMP build computes on the calling thread alone; its destructor
// restores the host's setting.
class OneBlasThread {
 public:
  OneBlasThread() : threads_(omp_get_max_threads()) {
    if (threads_ != 1) omp_set_num_threads(1);
  }
  ~OneBlasThread() {
    if (threads_ != 1) omp_set_num_threads(threads_);
  }
  OneBlasThread(const OneBlasThread&) = delete;
  OneBlasThread& operator=(const OneBlasThread&) = delete;

 private:
  int threads_;
};

}  // namespace attune::internal
