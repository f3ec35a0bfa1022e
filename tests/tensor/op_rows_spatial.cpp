// The rows of what works on images and sequences. References are plain loops over all places.

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/tensor/op_table.h"

namespace attune::ops {
namespace {

// An image [channels, height, width] of doubles, with 0, or something else, around it.
struct Image {
  explicit Image(const Tensor& x, double around = 0)
      : channels(x.size(-3)),
        height(x.size(-2)),
        width(x.size(-1)),
        outside(around),
        values(x.cast(DType::f64).to_vector<double>()) {}
  bool has(int64_t i, int64_t j) const { return i >= 0 && i < height && j >= 0 && j < width; }
  double operator()(int64_t c, int64_t i, int64_t j) const {
    return has(i, j) ? values[static_cast<size_t>((c * height + i) * width + j)] : outside;
  }

  int64_t channels, height, width;
  double outside;
  Values values;
};

// The operands: an image [2, m, n] and the weights [3, 2, 2, 3] of windows 2 high and 3 wide.
constexpr Operand kImage = {{2, kM, kN}, 3};
constexpr Operand kSequence = {{2, kN}, 2};

// The sum over channels and windows of 2 x 3, at stride 1 and with 1 column of padding.
Values convolved(Tensors in) {
  const Image x(in[0]);
  const Values w = in[1].cast(DType::f64).to_vector<double>();
  const Values bias = in.size() > 2 ? in[2].cast(DType::f64).to_vector<double>() : Values(3, 0.0);
  Values y;
  for (int64_t o = 0; o < 3; ++o) {
    for (int64_t i = 0; i + 2 <= x.height; ++i) {
      for (int64_t j = 0; j < x.width; ++j) {
        double sum = bias[static_cast<size_t>(o)];
        for (int64_t k = 0; k < 12; ++k) {
          sum += w[static_cast<size_t>(o * 12 + k)] * x(k / 6, i + k / 3 % 2, j - 1 + k % 3);
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

// Two channels by themselves, every second row, with windows [1, 3] that skip every other column.
Values grouped(Tensors in) {
  const Image x(in[0]);
  const Values w = in[1].cast(DType::f64).to_vector<double>();
  Values y;
  for (int64_t c = 0; c < 2; ++c) {
    for (int64_t i = 0; i < x.height; i += 2) {
      for (int64_t j = 0; j < x.width; ++j) {
        double sum = 0;
        for (int64_t k = 0; k < 3; ++k) {
          sum += w[static_cast<size_t>(c * 3 + k)] * x(c, i, j - 2 + 2 * k);
        }
        y.push_back(sum);
      }
    }
  }
  return y;
}

// Each element of an image spread over a window of 2 x 2, at stride 2 along the height.
Values spread_out(Tensors in) {
  const Image x(in[0]);
  const Values w = in[1].cast(DType::f64).to_vector<double>();  // [2, 1, 2, 2]
  const int64_t height = (x.height - 1) * 2 + 2, width = x.width + 1;
  Values y(static_cast<size_t>(height * width), 0.0);
  for (int64_t c = 0; c < 2; ++c) {
    for (int64_t i = 0; i < x.height; ++i) {
      for (int64_t j = 0; j < x.width; ++j) {
        for (int64_t k = 0; k < 4; ++k) {
          y[static_cast<size_t>((2 * i + k / 2) * width + j + k % 2)] +=
              w[static_cast<size_t>(c * 4 + k)] * x(c, i, j);
        }
      }
    }
  }
  return y;
}

// join(y, element) over windows of 2 x 3, at stride 1 and with 1 of padding where `padded`.
template <class Join>
Values over_windows(const Image& x, bool padded, double start, const Join& join) {
  Values y;
  const int64_t pad = padded ? 1 : 0;
  for (int64_t c = 0; c < x.channels; ++c) {
    for (int64_t i = -pad; i + 2 <= x.height + pad; ++i) {
      for (int64_t j = -pad; j + 3 <= x.width + pad; ++j) {
        double value = start;
        for (int64_t k = 0; k < 6; ++k) value = join(value, x(c, i + k / 3, j + k % 3));
        y.push_back(value);
      }
    }
  }
  return y;
}
double larger(double a, double b) { return std::isnan(a) || b <= a ? a : b; }
Values largest(Tensors in) {
  const double low = -std::numeric_limits<double>::infinity();
  return over_windows(Image(in[0], low), true, low, larger);
}
Values means(Tensors in) {
  return over_windows(Image(in[0]), true, 0, [](double a, double b) { return a + b / 6; });
}

// Along the last axis of [2, n]: windows of 2 at stride 2.
template <class Join>
Values over_pairs(Tensors in, const Join& join) {
  const Image x(in[0].unsqueeze(1));
  Values y;
  for (int64_t c = 0; c < 2; ++c) {
    for (int64_t j = 0; j + 2 <= x.width; j += 2) y.push_back(join(x(c, 0, j), x(c, 0, j + 1)));
  }
  return y;
}

Values columns_of(Tensors in) {
  const Image x(in[0]);
  Values y;
  for (int64_t k = 0; k < 12; ++k) {
    for (int64_t i = 0; i + 2 <= x.height; ++i) {
      for (int64_t j = 0; j + 3 <= x.width; ++j) y.push_back(x(k / 6, i + k / 3 % 2, j + k % 3));
    }
  }
  return y;
}

// Bilinear, to twice the size.
Values doubled(Tensors in) {
  const Image x(in[0]);
  const auto at = [](int64_t i, int64_t n, double& share) {
    const double place = std::max(0.0, (static_cast<double>(i) + 0.5) / 2 - 0.5);
    share = place - std::floor(place);
    return std::min(static_cast<int64_t>(place), n - 1);
  };
  Values y;
  for (int64_t c = 0; c < 2; ++c) {
    for (int64_t i = 0; i < 2 * x.height; ++i) {
      for (int64_t j = 0; j < 2 * x.width; ++j) {
        double down = 0, across = 0;
        const int64_t p = at(i, x.height, down), q = at(j, x.width, across);
        const int64_t r = std::min(p + 1, x.height - 1), s = std::min(q + 1, x.width - 1);
        y.push_back((1 - down) * ((1 - across) * x(c, p, q) + across * x(c, p, s)) +
                    down * ((1 - across) * x(c, r, q) + across * x(c, r, s)));
      }
    }
  }
  return y;
}
Values tripled(Tensors in) {  // nearest
  const Image x(in[0]);
  Values y;
  for (int64_t c = 0; c < 2; ++c) {
    for (int64_t i = 0; i < 3 * x.height; ++i) {
      for (int64_t j = 0; j < 2 * x.width; ++j) y.push_back(x(c, i / 3, j / 2));
    }
  }
  return y;
}

// x [m, 4], turned by place / 100^(i / 2).
Values turned(Tensors in) {
  const Values x = in[0].cast(DType::f64).to_vector<double>();
  Values y = x;
  for (size_t row = 0; 4 * row < x.size(); ++row) {
    for (size_t i = 0; i < 2; ++i) {
      const double angle = static_cast<double>(row) * (i == 0 ? 1 : 0.1);
      const double a = x[4 * row + i], b = x[4 * row + i + 2];
      y[4 * row + i] = a * std::cos(angle) - b * std::sin(angle);
      y[4 * row + i + 2] = b * std::cos(angle) + a * std::sin(angle);
    }
  }
  return y;
}

using enum Types;

constexpr Row kRows[] = {
    Row("conv1d", "x.conv1d(weight, bias = none, {stride, padding, dilation, groups})",
        "x [batch, channels, length], weight [out, channels / groups, window]", floating_only,
        {kSequence, Operand{{2, 1, 3}, 3}},
        ATTUNE_CALL(in[0].conv1d(in[1], {.padding = 2, .dilation = 2, .groups = 2})),
        [](Tensors in) {
          const Tensor row = in[0].unsqueeze(1);
          return grouped(std::vector<Tensor>{row, in[1]});
        })
        .no_extremes()
        .with_zyx("conv"),
    Row("conv2d", "x.conv2d(weight, bias = none, {stride, padding, dilation, groups})",
        "x [batch, channels, height, width], weight [out, channels / groups, height, width]",
        floating_only, {kImage, Operand{{12, 3}, 2}, Operand{{3}, 1, -3, 3, Operand::number, true}},
        ATTUNE_CALL(in[0].conv2d(in[1].reshape({3, 2, 2, 3}), in[2], {.padding = {0, 1}})),
        convolved)
        .no_extremes()
        .with_zyx("conv"),
    Row("conv2d", "", "groups, stride and dilation", floating_only,
        {kImage, Operand{{2, 3}, 2}},
        ATTUNE_CALL(in[0].conv2d(in[1].reshape({2, 1, 1, 3}), {.stride = {2, 1},
                                                               .padding = {0, 2},
                                                               .dilation = {1, 2},
                                                               .groups = 2})),
        grouped)
        .no_extremes(),
    Row("conv_transpose2d",
        "x.conv_transpose2d(weight, bias = none, {stride, padding, dilation, output_padding, "
        "groups})",
        "the transpose of conv2d: weight [channels, out / groups, height, width]", floating_only,
        {kImage, Operand{{2, 4}, 2}},
        ATTUNE_CALL(in[0].conv_transpose2d(in[1].reshape({2, 1, 2, 2}), {.stride = {2, 1}})),
        spread_out)
        .no_extremes(),
    Row("max_pool1d", "x.max_pool1d(window, {stride = window, padding})",
        "largest element of each window, NaN if there is one", numbers, kSequence,
        ATTUNE_CALL(in[0].max_pool1d(2)),
        [](Tensors in) {
          return over_pairs(in, [](double a, double b) { return std::isnan(b) ? b : larger(a, b); });
        })
        .with_zyx("pool"),
    Row("max_pool2d", "x.max_pool2d(window, {stride = window, padding})",
        "largest element of each window, NaN if there is one", numbers, kImage,
        ATTUNE_CALL(in[0].max_pool2d({2, 3}, {.stride = 1, .padding = 1})), largest)
        .with_zyx("pool"),
    Row("avg_pool1d", "x.avg_pool1d(window, {stride = window, padding, count_padding = true})",
        "mean of each window", floating, kSequence, ATTUNE_CALL(in[0].avg_pool1d(2)),
        [](Tensors in) { return over_pairs(in, [](double a, double b) { return (a + b) / 2; }); })
        .no_extremes()
        .with_zyx("pool"),
    Row("avg_pool2d", "x.avg_pool2d(window, {stride = window, padding, count_padding = true})",
        "mean of each window", floating, kImage,
        ATTUNE_CALL(in[0].avg_pool2d({2, 3}, {.stride = 1, .padding = 1})), means)
        .no_extremes()
        .with_zyx("pool"),
    Row("unfold", "x.unfold(window, {stride, padding, dilation})",
        "windows as columns, [channels window…, places]", any, kImage,
        ATTUNE_CALL(in[0].unfold({2, 3})), columns_of),
    Row("fold", "x.fold(size, window, {stride, padding, dilation})",
        "the transpose of unfold: columns added up in an image", numbers, Operand{{2, kN}, 2},
        ATTUNE_CALL(in[0].fold({1, in[0].size(1) + 1}, {1, 2})),
        [](Tensors in) {
          const Image x(in[0].unsqueeze(0));
          Values y;
          for (int64_t j = 0; j <= x.width; ++j) y.push_back(x(0, 0, j) + x(0, 1, j - 1));
          return y;
        }),
    Row("interpolate", "x.interpolate(size, mode = nearest, align_corners = false)",
        "images of another size, nearest or bilinear", floating, kImage,
        ATTUNE_CALL(in[0].interpolate({3 * in[0].size(1), 2 * in[0].size(2)})), tripled),
    Row("interpolate", "", "bilinear", floating, kImage,
        ATTUNE_CALL(in[0].interpolate({2 * in[0].size(1), 2 * in[0].size(2)},
                                      Interpolation::bilinear)),
        doubled)
        .no_extremes(),
    Row("rope", "x.rope(base = 10000, first = 0), x.rope(sines, cosines)",
        "rotary positions: [..., length, width], pairs (i, i + width / 2) turned", floating,
        Operand{{kM, 4}, 2}, ATTUNE_CALL(in[0].rope(100)), turned)
        .no_extremes(),
};

}  // namespace

std::span<const Row> spatial_rows() { return kRows; }

}  // namespace attune::ops
