// argmax, argmin.

#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

TEST_CASE("argmax, argmin: the first of equals, NaN not overlooked, every dtype and axis") {
  for (const DType dtype : kAllDTypes) {
    CAPTURE(std::string(name(dtype)));
    const Tensor x = random({3, 7, 4}, dtype, dtype == DType::u8 ? 0 : -3, 5);
    for (int axis = 0; axis < 3; ++axis) {
      Axes others_first{0, 1, 2};
      if (axis != 2) others_first = axis == 0 ? Axes{1, 2, 0} : Axes{0, 2, 1};
      const std::vector<double> lines = values(x.permute(others_first));
      std::vector<double> largest, smallest;
      for (auto line = lines.begin(); line != lines.end(); line += x.size(axis)) {
        const auto end = line + x.size(axis);
        largest.push_back(double(std::max_element(line, end) - line));
        smallest.push_back(double(std::min_element(line, end) - line));
      }
      CHECK(max_error(x.argmax(axis), largest) == 0);
      CHECK(max_error(x.argmin(axis - 3), smallest) == 0);
      CHECK(max_error(spaced(x).argmax(axis, keep_dims), largest) == 0);
      CHECK(x.argmax(axis, keep_dims).rank() == 3);
    }
  }
  CHECK(Tensor({{1, 5}, {9, 2}}).argmax().item<int64_t>() == 2);
  CHECK(Tensor({1.0, kNan, 3.0, kNan}).argmax().item<int64_t>() == 1);
  CHECK(Tensor({1.0, kNan, 0.0}).argmin().item<int64_t>() == 1);
  CHECK(Tensor(4.f).argmax().item<int64_t>() == 0);
  CHECK(Tensor::zeros({0, 3}).argmax(1).shape() == Shape{0});
  CHECK_THROWS_WITH_AS(Tensor::zeros({0, 3}).argmax(0),
                       "argmax: has no value over the 0 elements of [0, 3]", ValueError);
  CHECK_THROWS_WITH_AS(Tensor::zeros({2, 3}).argmin(2), "argmin: axis 2 is out of range for 2 axes",
                       IndexError);
}
