#pragma once
// When a tensor may be changed in place: what update() and gradient clipping ask.

#include "attune/tensor/internal/block.h"

namespace attune::optim {

// Nobody else holds x or its elements, and it was not made by a recorded op: a tape, though paused
// by a NoGradScope, would take a changed x for what the op returned. (A tape holds what it
// watches.)
inline bool writable(const Tensor& x) {
  return internal::sole_owner(x) && internal::block(x).record == 0;
}

}  // namespace attune::optim
