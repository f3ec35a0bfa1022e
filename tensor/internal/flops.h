#pragma once
// How much arithmetic this thread has asked for.

#include <cstdint>

namespace attune::internal {

// In matrix products, of whatever op: two for each multiplication and its addition. What helpers of
// a product compute counts for the thread that asked.
extern constinit thread_local int64_t flops_asked;

}  // namespace attune::internal
