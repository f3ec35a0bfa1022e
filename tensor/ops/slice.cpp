// Parts of a tensor as views: x[{0, Slice{1, -1}}], narrow, split. The gradient of a part is that
// part of a tensor of zeros.

#include <algorithm>

#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/chosen.h"
#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/walk.h"

namespace attune {
namespace {

using namespace internal;

// One axis of the result: the axis it comes from (-1: a new one), and which of its positions.
struct Cut {
  int axis = -1;
  int64_t begin = 0, step = 1, length = 1;
};

struct Part {
  std::array<Cut, kMaxRank> cuts{};
  int count = 0;
  std::array<int64_t, kMaxRank> fixed{};  // the position along each axis that an integer removed
  Shape whole;                            // the shape of the tensor it is a part of

  void push_back(const Cut& cut) {
    check<ShapeError>(count < kMaxRank, "index: a tensor has at most {} axes", kMaxRank);
    cuts[static_cast<size_t>(count++)] = cut;
  }
  Tensor of(const Tensor& x) const;  // the view
};

Tensor take(const Tensor& x, const Part& part);

// Zeros of the whole's shape, with dy where the part is.
Tensor embed(const Tensor& dy, const Part& part) {
  Tensor dx = Tensor::zeros(part.whole, dy.dtype());
  copy_elements(dy, part.of(dx));
  if (tracks(dy)) {
    record("embed", dx, dy, [part](const Tensor& ddx) { return take(ddx, part); });
  }
  return dx;
}

Tensor Part::of(const Tensor& x) const {
  const Shape strides = x.strides();
  Shape sizes, steps;
  int64_t offset = 0;
  for (int axis = 0; axis < whole.rank(); ++axis) {
    offset += fixed[static_cast<size_t>(axis)] * strides[axis];
  }
  for (int i = 0; i < count; ++i) {
    const Cut& cut = cuts[static_cast<size_t>(i)];
    sizes.push_back(cut.length);
    steps.push_back(cut.axis < 0 ? 1 : cut.step * strides[cut.axis]);
    if (cut.axis >= 0 && cut.length > 0) offset += cut.begin * strides[cut.axis];
  }
  return make_view(x, sizes, steps, x.numel() > 0 ? offset : 0);
}

Tensor take(const Tensor& x, const Part& part) {
  Tensor y = part.of(x);
  if (tracks(x)) {
    record("slice", y, {&x}, [part](const Tensor& dy, Gradients& grads) {
      if (Tensor* sum = grads.own_sum(0); sum != nullptr && sum->dtype() == dy.dtype()) {
        const Tensor place = part.of(*sum);
        copy_elements(place + dy, place);
      } else {
        grads.add(0, embed(dy, part));
      }
    });
  }
  return y;
}

Cut whole_axis(int axis, int64_t size) {
  return {.axis = axis, .begin = 0, .step = 1, .length = size};
}

// As in Python: negative ends count from the end of the axis, and ends beyond it are clipped.
Cut cut_of(const Slice& slice, int axis, int64_t size) {
  check<ValueError>(slice.step != 0, "index: a slice's step must not be 0");
  const bool forward = slice.step > 0;
  const auto place = [&](const std::optional<int64_t>& at, int64_t otherwise) {
    if (!at) return otherwise;
    const int64_t p = *at < 0 ? *at + size : *at;
    return forward ? std::clamp(p, int64_t{0}, size) : std::clamp(p, int64_t{-1}, size - 1);
  };
  const int64_t begin = place(slice.begin, forward ? 0 : size - 1);
  const int64_t end = place(slice.end, forward ? size : -1);
  const int64_t span = forward ? end - begin : begin - end;
  // Of one element or none the step is of no account, and could be too large to multiply with.
  if (span <= 1) return {axis, begin, 1, std::max<int64_t>(span, 0)};
  const uint64_t step =
      forward ? static_cast<uint64_t>(slice.step) : uint64_t{0} - static_cast<uint64_t>(slice.step);
  const auto length = static_cast<int64_t>((static_cast<uint64_t>(span) - 1) / step + 1);
  return {axis, begin, length == 1 ? 1 : slice.step, length};
}

int64_t position_of(int64_t index, int axis, const Shape& shape) {
  const int64_t size = shape[axis];
  check<IndexError>(index >= -size && index < size, "index: {} is out of range for axis {} of {}",
                    index, axis, shape);
  return index < 0 ? index + size : index;
}

}  // namespace

Tensor Tensor::operator[](std::initializer_list<Index> indices) const {
  require_defined("index", *this);
  Part part;
  part.whole = shape();
  int named = 0, ellipses = 0;
  for (const Index& index : indices) {
    named += std::holds_alternative<int64_t>(index.value()) ||
             std::holds_alternative<Slice>(index.value());
    if (const auto* chosen = std::get_if<Tensor>(&index.value())) named += axes_named_by(*chosen);
    ellipses += std::holds_alternative<Ellipsis>(index.value());
  }
  check<IndexError>(named <= rank(), "index: {} positions given for {}", named, shape());
  check<IndexError>(ellipses <= 1, "index: at most one ellipsis can stand for the axes in between");

  int axis = 0;
  std::vector<ChosenAxis> choices;
  for (const Index& index : indices) {
    if (const auto* chosen = std::get_if<Tensor>(&index.value())) {
      const int count = axes_named_by(*chosen);
      add_choices(*chosen, part.whole, axis, part.count, choices);
      for (int i = 0; i < count; ++i, ++axis) part.push_back(whole_axis(axis, part.whole[axis]));
    } else if (const auto* position = std::get_if<int64_t>(&index.value())) {
      part.fixed[static_cast<size_t>(axis)] = position_of(*position, axis, part.whole);
      ++axis;
    } else if (const auto* slice = std::get_if<Slice>(&index.value())) {
      part.push_back(cut_of(*slice, axis, part.whole[axis]));
      ++axis;
    } else if (std::holds_alternative<NewAxis>(index.value())) {
      part.push_back({});
    } else {
      for (int skip = rank() - named; skip > 0; --skip, ++axis) {
        part.push_back(whole_axis(axis, part.whole[axis]));
      }
    }
  }
  for (; axis < rank(); ++axis) part.push_back(whole_axis(axis, part.whole[axis]));
  return choices.empty() ? take(*this, part) : chosen_from(take(*this, part), choices);
}

Tensor Tensor::narrow(int axis, int64_t begin, int64_t length) const {
  require_defined("narrow", *this);
  axis = normal_axis("narrow", axis, rank());
  const int64_t first = begin < 0 ? begin + size(axis) : begin;
  check<IndexError>(
      first >= 0 && first <= size(axis) && length >= 0 && length <= size(axis) - first,
      "narrow: {} elements from {} reach outside axis {} of {}", length, begin, axis, shape());
  Part part;
  part.whole = shape();
  for (int i = 0; i < rank(); ++i) part.push_back(whole_axis(i, size(i)));
  part.cuts[static_cast<size_t>(axis)].begin = first;
  part.cuts[static_cast<size_t>(axis)].length = length;
  return take(*this, part);
}

std::vector<Tensor> Tensor::split(int64_t piece, int axis) const {
  require_defined("split", *this);
  check<ValueError>(piece > 0, "split: the size of a piece must be above 0, got {}", piece);
  axis = normal_axis("split", axis, rank());
  const int64_t n = size(axis), count = n == 0 ? 1 : (n - 1) / piece + 1;
  std::vector<Tensor> parts;
  guard_memory("split", [&] { parts.reserve(static_cast<size_t>(count)); });
  for (int64_t i = 0; i < count; ++i) {
    parts.push_back(narrow(axis, i * piece, std::min(piece, n - i * piece)));
  }
  return parts;
}

}  // namespace attune
