#include "attune/tensor/shape.h"

#include <algorithm>
#include <ostream>

#include "attune/tensor/internal/block.h"
#include "attune/tensor/internal/check.h"

namespace attune {

std::optional<int64_t> internal::product(const Shape& shape, int64_t unit) {
  bool empty = false, fits = true;
  for (const int64_t size : shape) {
    empty |= size == 0;
    fits &= size == 0 || !__builtin_mul_overflow(unit, size, &unit);
  }
  return fits ? std::optional(empty ? 0 : unit) : std::nullopt;
}

int64_t internal::numel_of(const char* op, const Shape& shape) {
  const std::optional<int64_t> n = product(shape);
  if (!n) fail<ShapeError>("{}: {} has more elements than 64 bits can count", op, shape);
  return *n;
}

int64_t Shape::numel() const { return internal::numel_of("shape", *this); }

Shape::Shape(std::initializer_list<int64_t> sizes)
    : Shape(std::span<const int64_t>(sizes.begin(), sizes.size())) {}

Shape::Shape(std::span<const int64_t> sizes) {
  for (const int64_t size : sizes) push_back(size);
}

void Shape::fail_rank() { fail<ShapeError>("a tensor has at most {} axes", kMaxRank); }

std::string Shape::to_string() const {
  return fmt::format("[{}]", fmt::join(begin(), end(), ", "));
}

bool operator==(const Shape& a, const Shape& b) { return std::ranges::equal(a, b); }

std::ostream& operator<<(std::ostream& out, const Shape& shape) { return out << shape.to_string(); }

Shape broadcast(const char* op, const Shape& a, const Shape& b) {
  if (a == b) return a;
  Shape y = a.rank() >= b.rank() ? a : b;
  const Shape& shorter = a.rank() >= b.rank() ? b : a;
  const int shift = y.rank() - shorter.rank();
  for (int axis = 0; axis < shorter.rank(); ++axis) {
    int64_t& size = y[axis + shift];
    if (size == 1) size = shorter[axis];
    check<ShapeError>(shorter[axis] == 1 || shorter[axis] == size,
                      "{}: shapes {} and {} do not broadcast: {} against {} at axis {}; make them "
                      "equal, or one of them 1",
                      op, a, b, size, shorter[axis], axis - shorter.rank());
  }
  return y;
}

}  // namespace attune
