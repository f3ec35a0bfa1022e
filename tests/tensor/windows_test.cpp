// Windows over images against loops that look at one element after another: unfold, fold and max
// pooling, at widths around a vector's on every instruction set.

#include <algorithm>
#include <cmath>
#include <vector>

#include "attune/tensor/tensor.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

struct Frame {
  int64_t window, stride, padding, dilation;
  int64_t places(int64_t size) const {
    return (size + 2 * padding - dilation * (window - 1) - 1) / stride + 1;
  }
  int64_t at(int64_t place, int64_t element) const {
    return place * stride - padding + element * dilation;
  }
};

// Calls body(channel, i, j, row, column, y, x) for all elements of all windows; y and x may be
// outside.
template <class Body>
void each_element(int64_t channels, int64_t height, int64_t width, const Frame& f,
                  const Body& body) {
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t i = 0; i < f.window; ++i) {
      for (int64_t j = 0; j < f.window; ++j) {
        for (int64_t row = 0; row < f.places(height); ++row) {
          for (int64_t column = 0; column < f.places(width); ++column) {
            body(c, i, j, row, column, f.at(row, i), f.at(column, j));
          }
        }
      }
    }
  }
}

bool is_inside(int64_t y, int64_t x, int64_t height, int64_t width) {
  return y >= 0 && y < height && x >= 0 && x < width;
}

template <class T>
void check_unfold_and_fold(int64_t height, int64_t width, const Frame& f) {
  constexpr int64_t kChannels = 2;
  Rng rng(5);
  const DType dtype = dtype_of<T>;
  const Tensor x = Tensor::randint({1, kChannels, height, width}, -99, 99, rng).cast(dtype);
  const WindowOptions o{.stride = f.stride, .padding = f.padding, .dilation = f.dilation};
  const int64_t rows = f.places(height), columns = f.places(width), n = rows * columns;
  const int64_t elements = kChannels * f.window * f.window;
  const Tensor y = Tensor::randint({1, elements, n}, -99, 99, rng).cast(dtype);
  const std::vector<T> from = x.to_vector<T>(), given = y.to_vector<T>();
  std::vector<T> unfolded(static_cast<size_t>(elements * n)), folded(from.size());
  each_element(kChannels, height, width, f,
               [&](int64_t c, int64_t i, int64_t j, int64_t row, int64_t column, int64_t at_y,
                   int64_t at_x) {
                 if (!is_inside(at_y, at_x, height, width)) return;
                 const int64_t element = (c * f.window + i) * f.window + j;
                 const auto to = static_cast<size_t>(element * n + row * columns + column);
                 const auto pixel = static_cast<size_t>((c * height + at_y) * width + at_x);
                 unfolded[to] = from[pixel];
                 folded[pixel] = static_cast<T>(folded[pixel] + given[to]);
               });
  CHECK(x.unfold(f.window, o).to_vector<T>() == unfolded);
  CHECK(y.fold({height, width}, f.window, o).to_vector<T>() == folded);
}

template <class T>
void check_largest(int64_t height, int64_t width, const Frame& f, int64_t seed) {
  Rng rng(seed);
  const Tensor x = Tensor::randint({3, height, width}, -9, 9, rng).cast(dtype_of<T>);
  const std::vector<T> from = x.to_vector<T>();
  const int64_t rows = f.places(height), columns = f.places(width);
  std::vector<T> largest(static_cast<size_t>(3 * rows * columns)), slope(from.size());
  for (int64_t window = 0; window < 3 * rows * columns; ++window) {
    const int64_t c = window / (rows * columns), row = window / columns % rows;
    int64_t best = -1;
    for (int64_t k = 0; k < f.window * f.window; ++k) {
      const int64_t y = f.at(row, k / f.window), column = f.at(window % columns, k % f.window);
      if (!is_inside(y, column, height, width)) continue;
      const int64_t pixel = (c * height + y) * width + column;
      if (best < 0 || from[static_cast<size_t>(pixel)] > from[static_cast<size_t>(best)]) {
        best = pixel;
      }
    }
    largest[static_cast<size_t>(window)] = from[static_cast<size_t>(best)];
    slope[static_cast<size_t>(best)] = static_cast<T>(slope[static_cast<size_t>(best)] + 1);
  }
  const PoolOptions o{.stride = f.stride, .padding = f.padding};
  CHECK(x.max_pool2d(f.window, o).template to_vector<T>() == largest);
  if constexpr (std::is_floating_point_v<T>) {
    Tape tape({x});
    CHECK(tape.gradient(x.max_pool2d(f.window, o).sum())[0].to_vector<T>() == slope);
  }
}

}  // namespace

TEST_CASE("unfold and fold: every width, stride, padding and dilation, against loops") {
  on_all_targets([] {
    for (const int64_t width : {3, 4, 8, 15, 16, 17, 33}) {
      for (const Frame& f : {Frame{3, 1, 0, 1}, Frame{3, 1, 1, 1}, Frame{2, 1, 2, 1},
                             Frame{2, 1, 1, 2}, Frame{3, 2, 1, 1}, Frame{3, 3, 2, 1}}) {
        CAPTURE(width);
        CAPTURE(f.stride);
        CAPTURE(f.padding);
        check_unfold_and_fold<float>(5, width, f);
        check_unfold_and_fold<double>(4, width, f);
      }
    }
  });
}

TEST_CASE("max pooling: every width, stride and padding, against loops; equals go to the first") {
  on_all_targets([] {
    for (const int64_t width : {3, 4, 8, 15, 16, 17, 33, 70}) {
      for (const Frame& f : {Frame{2, 2, 0, 1}, Frame{2, 2, 1, 1}, Frame{3, 2, 1, 1},
                             Frame{3, 1, 1, 1}, Frame{3, 3, 0, 1}, Frame{3, 5, 1, 1}}) {
        CAPTURE(width);
        CAPTURE(f.stride);
        CAPTURE(f.padding);
        check_largest<float>(5, width, f, width);
        check_largest<double>(4, width, f, width);
        check_largest<int64_t>(4, width, f, width);
        check_largest<int8_t>(4, width, f, width);
      }
    }
  });
}

TEST_CASE("max pooling: NaN and infinities") {
  on_all_targets([] {
    const Tensor x({{-kInf, -kInf, 1.0, kNan, kNan, 2.0}, {-kInf, -kInf, 0.0, 3.0, kInf, kNan}});
    const Tensor image = x.unsqueeze(0);
    CHECK(max_error(image.max_pool2d(2), {-kInf, kNan, kNan}) == 0);
    Tape tape({image});
    const Tensor slope = tape.gradient(image.max_pool2d(2).sum())[0];  // the last NaN has it
    CHECK(max_error(slope, {1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1}) == 0);
  });
}
