#pragma once
// Random words in bulk, and the pieces a kernel draws them in.

#include <cstddef>
#include <cstdint>

#include "attune/tensor/rng.h"

namespace attune::internal {

// out[i] = word `rng.position() + offset + i` of rng's stream, for i below n. Does not advance it.
void random_words(const Rng& rng, uint64_t offset, size_t n, uint32_t* out);

// Draws are made in pieces of so many words, which fit a buffer on the stack and the first cache.
// Any piece can be drawn alone, so threads share them out.
inline constexpr int64_t kPieceWords = 2048;

}  // namespace attune::internal
