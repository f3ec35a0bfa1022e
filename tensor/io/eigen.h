#pragma once
// Tensors as Eigen's matrices and back. Nothing of Eigen is included here: these are templates, of
// types that are the program's.
//
//   using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
//   const auto m = eigen_map<Eigen::Map<const Matrix>>(x);  // x [rows, columns], f32
//   const Tensor y = from_eigen((m * m.transpose()).eval());

#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include "attune/base/error.h"
#include "attune/tensor/tensor.h"

namespace attune {

// x's elements as an Eigen::Map<const M> or Map<const V>, not copied: valid while any handle to x
// lives. M is row-major, for x [rows, columns]; V is a vector, for x [n]. x must be contiguous
// (ValueError), of M's scalar (DTypeError) and of its sizes where these are fixed (ShapeError).
template <class Map>
Map eigen_map(const Tensor& x) {
  using Plain = std::remove_const_t<typename Map::PlainObject>;
  constexpr bool vector = Plain::IsVectorAtCompileTime;
  static_assert(vector || Plain::IsRowMajor, "attune's matrices are row-major: Eigen::RowMajor");
  static_assert(std::is_const_v<std::remove_pointer_t<decltype(std::declval<Map>().data())>>,
                "a tensor does not change: Eigen::Map<const Matrix>");
  if (x.rank() != (vector ? 1 : 2)) {
    throw ShapeError("eigen_map: " + x.shape().to_string() + " for a " +
                     (vector ? "vector" : "matrix"));
  }
  const auto* elements = x.data<typename Plain::Scalar>().data();
  const int64_t rows = vector ? x.numel() : x.size(0), columns = vector ? 1 : x.size(1);
  const auto fits = [](int64_t size, int64_t fixed) { return fixed < 0 || size == fixed; };
  if constexpr (vector) {
    if (!fits(rows, Plain::SizeAtCompileTime)) {
      throw ShapeError("eigen_map: " + x.shape().to_string() + " for a vector of " +
                       std::to_string(int64_t{Plain::SizeAtCompileTime}));
    }
    return Map(elements, rows);
  } else {
    if (!fits(rows, Plain::RowsAtCompileTime) || !fits(columns, Plain::ColsAtCompileTime)) {
      throw ShapeError("eigen_map: " + x.shape().to_string() + " for a matrix of fixed sizes");
    }
    return Map(elements, rows, columns);
  }
}
template <class Map>
Map eigen_map(const Tensor&& x) = delete;  // its elements would be gone

// A copy of a matrix [rows, columns] or a vector [n], of any order and stride.
template <class Matrix>
Tensor from_eigen(const Matrix& m) {
  using Element = std::remove_cv_t<typename Matrix::Scalar>;
  const int64_t rows = m.rows(), columns = m.cols();
  std::vector<Element> elements;
  elements.reserve(static_cast<size_t>(rows * columns));
  for (int64_t i = 0; i < rows; ++i) {
    for (int64_t j = 0; j < columns; ++j) elements.push_back(m(i, j));
  }
  return Tensor::from(elements,
                      Matrix::IsVectorAtCompileTime ? Shape{rows * columns} : Shape{rows, columns});
}

}  // namespace attune
