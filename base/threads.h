#pragma once
// How many threads attune's kernels may use.

namespace attune {

// While it exists, kernels called from this thread use at most `threads` threads, BLAS included.
// Scopes nest, and the innermost applies. Results do not depend on it. The host's OpenMP and BLAS
// settings are not changed; without a scope, kernels use as many threads as OpenMP offers this
// thread (omp_get_max_threads). ValueError if threads < 1.
class ThreadScope {
 public:
  explicit ThreadScope(int threads);
  ~ThreadScope();
  ThreadScope(const ThreadScope&) = delete;
  ThreadScope& operator=(const ThreadScope&) = delete;

 private:
  int outer_;
};

int max_threads();  // how many threads kernels called from this thread may use now; at least 1

}  // namespace attune
