#pragma once
// The sizes of a tensor's axes: at most kMaxRank, stored inline, so a Shape never allocates.

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>

namespace attune {

inline constexpr int kMaxRank = 8;

class Shape {
 public:
  Shape() = default;                            // the shape of a 0-d tensor
  Shape(std::initializer_list<int64_t> sizes);  // ShapeError above kMaxRank
  explicit Shape(std::span<const int64_t> sizes);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return sizes_[static_cast<size_t>(axis)]; }
  int64_t& operator[](int axis) { return sizes_[static_cast<size_t>(axis)]; }
  // The product of the sizes; 1 for rank 0. ShapeError if the sizes other than 0 multiply to more
  // than an int64_t holds. Every tensor has passed this, so the product of any of a tensor's sizes
  // fits, whatever the order of multiplying.
  int64_t numel() const;

  const int64_t* begin() const { return sizes_.data(); }
  const int64_t* end() const { return sizes_.data() + rank_; }

  void push_back(int64_t size) {  // ShapeError above kMaxRank
    if (rank_ == kMaxRank) fail_rank();
    sizes_[static_cast<size_t>(rank_++)] = size;
  }
  std::string to_string() const;  // "[2, 3]"

  friend bool operator==(const Shape& a, const Shape& b);

 private:
  [[noreturn]] static void fail_rank();

  int rank_ = 0;
  std::array<int64_t, kMaxRank> sizes_{};
};

std::ostream& operator<<(std::ostream& out, const Shape& shape);

// The shape that two operands broadcast to, as in NumPy: axes are matched from the last, and a
// missing axis or one of size 1 is repeated. ShapeError, in the name of `op`, if two sizes differ.
Shape broadcast(const char* op, const Shape& a, const Shape& b);

}  // namespace attune
