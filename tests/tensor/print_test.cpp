#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <limits>
#include <sstream>

#include "attune/tensor/format.h"

using namespace attune;

namespace {

std::string text(const Tensor& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}

}  // namespace

TEST_CASE("print: numbers in columns, floating ones with a point") {
  CHECK(text(Tensor({{1.f, 2.f}, {3.f, 4.5f}})) == "[[1.0, 2.0],\n [3.0, 4.5]]");
  CHECK(text(Tensor({1.f, -20.f})) == "[  1., -20.]");
  CHECK(text(Tensor({0.1f, 0.25f})) == "[0.10, 0.25]");  // no 0.100000001
  CHECK(text(Tensor({1.f / 3})) == "[0.333333]");
  CHECK(text(Tensor(3.5f)) == "3.5");
  CHECK(text(Tensor({1e10f, 2.5e-7f})) == "[1.0e+10, 2.5e-07]");
  const float infinity = std::numeric_limits<float>::infinity();
  CHECK(text(Tensor({1.f, std::nanf(""), -infinity, infinity})) == "[  1.,  nan, -inf,  inf]");
}

TEST_CASE("print: the dtype is named unless it is f32") {
  CHECK(text(Tensor({1, 20, -3})) == "[ 1, 20, -3] i32");
  CHECK(text(Tensor({1.5})) == "[1.5] f64");
  CHECK(text(Tensor({true, false})) == "[ true, false] boolean");
  CHECK(text(Tensor(int64_t{7})) == "7 i64");
  CHECK(text(Tensor::full({2}, 200, DType::u8)) == "[200, 200] u8");
}

TEST_CASE("print: empty, undefined, strided and deep tensors") {
  CHECK(text(Tensor::zeros({0})) == "[]");
  CHECK(text(Tensor::zeros({2, 0}, DType::i64)) == "[] shape [2, 0] i64");
  CHECK(text(Tensor()) == "undefined");
  CHECK(text(Tensor({{1, 2}, {3, 4}}).t()) == "[[1, 3],\n [2, 4]] i32");
  CHECK(text(Tensor::arange(0, 8).reshape({2, 2, 2})) ==
        "[[[0, 1],\n  [2, 3]],\n\n [[4, 5],\n  [6, 7]]] i64");
}

TEST_CASE("print: long rows are broken, long tensors abbreviated") {
  const std::string row = text(Tensor::arange(0, 40));
  size_t begin = 0;
  for (size_t end = row.find('\n'); end != row.npos; begin = end + 1, end = row.find('\n', begin)) {
    CHECK(end - begin <= 80);
  }
  CHECK(begin > 0);
  CHECK(row[begin] == ' ');
  CHECK(text(Tensor::arange(0, 2000)) == "[   0,    1,    2, ..., 1997, 1998, 1999] i64");
  CHECK(text(Tensor::arange(0, 2000).reshape({1000, 2})) ==
        "[[   0,    1],\n [   2,    3],\n [   4,    5],\n ...,\n [1994, 1995],\n [1996, 1997],\n "
        "[1998, 1999]] i64");
}

TEST_CASE("print: fmt, by tensor/format.h") {
  CHECK(fmt::format("x = {}", Tensor({1, 2})) == "x = [1, 2] i32");
  CHECK(fmt::format("{} {}", Shape{2, 3}, DType::f32) == "[2, 3] f32");
}

TEST_CASE("print: f16, bf16 and i8 with the digits that tell them from their neighbours") {
  const Tensor x({0.1f, 2.5f, -3.f});
  CHECK(fmt::format("{}", x.cast(DType::f16)) == "[ 0.1,  2.5, -3.0] f16");
  CHECK(fmt::format("{}", x.cast(DType::bf16)) == "[ 0.1,  2.5, -3.0] bf16");
  CHECK(fmt::format("{}", x.cast(DType::i8)) == "[ 0,  2, -3] i8");
}
