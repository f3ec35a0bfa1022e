#pragma once
// Splitting a kernel's outer loop over threads. Which thread runs which piece never changes a
// result: pieces are independent, and those of a reduction are fixed by the shape alone.

#include <cstdint>

namespace attune::internal {

int usable_threads();  // max_threads(), or 1 inside a parallel region and in a forked child
// With fewer elements of simple work than this, a second thread costs more than it saves: an OpenMP
// region takes about a microsecond (bench/threads_bench.cpp).
inline constexpr int64_t kParallelWork = 32768;

// Calls body(begin, end) on pieces that cover [0, n). `cost` is the work of one index, in elements
// of a cheap op. `body` must not throw.
template <class Body>
void parallel_for(int64_t n, int64_t cost, Body&& body) {
  const int64_t grain = cost >= kParallelWork ? 1 : kParallelWork / (cost > 0 ? cost : 1);
  if (n <= grain) {
    body(int64_t{0}, n);
    return;
  }
  const int threads = usable_threads();
  if (threads == 1) {
    body(int64_t{0}, n);
    return;
  }
  const int64_t pieces = (n + grain - 1) / grain;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int64_t piece = 0; piece < pieces; ++piece) {
    const int64_t begin = piece * grain;
    body(begin, begin + grain < n ? begin + grain : n);
  }
}

}  // namespace attune::internal
