#include "attune/tensor/internal/chosen.h"

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/positions.h"

namespace attune::internal {

int axes_named_by(const Tensor& index) {
  require_defined("index", index);
  return index.dtype() == DType::boolean ? index.rank() : 1;
}

void add_choices(const Tensor& index, const Shape& whole, int axis, int to,
                 std::vector<ChosenAxis>& choices) {
  if (index.dtype() != DType::boolean) {
    choices.push_back({to, positions("index", index, whole[axis], axis, whole)});
    return;
  }
  check<ShapeError>(index.rank() > 0, "index: a mask needs at least one axis");
  for (int i = 0; i < index.rank(); ++i) {
    check<ShapeError>(index.size(i) == whole[axis + i],
                      "index: the mask {} does not fit the axes from {} of {}", index.shape(), axis,
                      whole);
  }
  const Tensor places = index.nonzero();
  for (int i = 0; i < index.rank(); ++i) {
    choices.push_back({to + i, places.narrow(1, i, 1).squeeze(1)});
  }
}

Tensor chosen_from(const Tensor& x, const std::vector<ChosenAxis>& choices) {
  Shape shape;
  bool together = true;
  for (size_t i = 0; i < choices.size(); ++i) {
    shape = broadcast("index", shape, choices[i].places.shape());
    together = together && choices[i].axis == choices[0].axis + static_cast<int>(i);
  }
  // The chosen axes come first and are one; `rest` are the others.
  Axes order = Axes::none();
  std::vector<int> rest;
  for (const ChosenAxis& choice : choices) order.push_back(choice.axis);
  for (int axis = 0; axis < x.rank(); ++axis) {
    bool chosen = false;
    for (const ChosenAxis& choice : choices) chosen = chosen || choice.axis == axis;
    if (!chosen) rest.push_back(axis);
  }
  for (const int axis : rest) order.push_back(axis);
  Tensor place = Tensor::zeros({}, DType::i64);
  int64_t sizes = 1;
  for (const ChosenAxis& choice : choices) {
    place = place * x.size(choice.axis) + choice.places;
    sizes *= x.size(choice.axis);
  }
  Shape joined{sizes}, result = shape;
  for (const int axis : rest) {
    joined.push_back(x.size(axis));
    result.push_back(x.size(axis));
  }
  const Tensor flat = place.expand(shape).reshape({shape.numel()});
  const Tensor y = x.permute(order).reshape(joined).index_select(0, flat).reshape(result);
  const int first = choices[0].axis;
  if (!together || first == 0) return y;
  Axes back = Axes::none();  // the places' axes to where the first chosen one was
  for (int i = 0; i < first; ++i) back.push_back(shape.rank() + i);
  for (int i = 0; i < shape.rank(); ++i) back.push_back(i);
  for (int i = shape.rank() + first; i < result.rank(); ++i) back.push_back(i);
  return y.permute(back);
}

}  // namespace attune::internal
