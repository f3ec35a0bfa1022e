#pragma once
// For a copy of a process, which lacks the threads that the original's OpenMP has.

namespace attune::internal {

// From now on this process computes on one thread, and so do its own parallel regions on the thread
// that calls this.
void use_one_thread();

}  // namespace attune::internal
