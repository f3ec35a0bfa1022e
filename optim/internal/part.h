#pragma once
// What a formula moves at a time: some elements of one parameter, with their gradient and state.

#include <array>
#include <cstddef>

#include "attune/tensor/dtype.h"

namespace attune::optim {

inline constexpr size_t kMaxSlots = 4;  // tensors of state per parameter

struct Part {
  DType dtype;        // of all the elements: f32 or f64
  size_t begin, end;  // the elements to move, counted from where the pointers point
  void* parameter;
  const void* gradient;
  std::array<void*, kMaxSlots> state;
  double learning_rate;  // of this parameter in this step
  double decay;          // coupled weight decay: times the parameter, added to the gradient
  double shrink;         // decoupled weight decay: the parameter is multiplied by this first
};

}  // namespace attune::optim
