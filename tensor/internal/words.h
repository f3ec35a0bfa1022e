#pragma once
// Random words in bulk, and the pieces a kernel draws them in.

#include <cstddef>
#include <cstdint>

#include "attune/base/rng.h"

namespace attune::internal {

// out[i] = word `rng.position() + offset + i` of rng's stream, for i below n. Does not advance it.
void random_words(const Rng& rng, uint64_t offset, size_t n, uint32_t* out);

// Numbers are drawn in pieces of this many words, which fit a buffer on the stack and the L1 cache.
// Each piece can be drawn by itself, by any thread.
inline constexpr int64_t kPieceWords = 2048;

}  // namespace attune::internal
