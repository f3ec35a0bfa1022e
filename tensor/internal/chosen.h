#pragma once
// Tensors among the indices of x[{…}]: positions and masks.

#include <vector>

#include "attune/tensor/internal/block.h"

namespace attune::internal {

// Positions along one axis of what positions, slices and new axes have left.
struct ChosenAxis {
  int axis;
  Tensor places;  // i64, from 0, all inside
};

// How many axes an index stands for: a mask for as many as it has.
int axes_named_by(const Tensor& index);

// Adds what `index` chooses along the axes from `axis` of a tensor of shape `whole`, which are the
// axes from `to` of the view. IndexError, ShapeError, DTypeError.
void add_choices(const Tensor& index, const Shape& whole, int axis, int to,
                 std::vector<ChosenAxis>& choices);

// The elements of x at these places, which broadcast.
Tensor chosen_from(const Tensor& x, const std::vector<ChosenAxis>& choices);

}  // namespace attune::internal
