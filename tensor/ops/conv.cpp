// conv1d, conv2d, conv_transpose2d. A convolution is a product of the weights with the windows of
// the image as columns; only a few rows of windows are columns at a time, as much as stays in
// cache.
//
// It is linear in the image and in the weights, so three products make all derivatives of any
// order: y = windows(x) w, its transpose dx = windows^T(dy) w, and dw = windows(x)^T dy.

#include <utility>

#include "attune/tensor/internal/dispatch.h"
#include "attune/tensor/internal/gemm.h"
#include "attune/tensor/internal/op.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/internal/windows.h"

namespace attune {
namespace {

using namespace internal;

struct Conv {
  Windows windows;  // over all channels of an image
  int64_t groups = 1, out = 1;

  Windows of_group() const {
    Windows w = windows;
    w.channels /= groups;
    return w;
  }
  Shape image(int64_t batch) const {
    return {batch, windows.channels, windows.height, windows.width};
  }
  Shape result(int64_t batch) const { return {batch, out, windows.rows, windows.columns}; }
  Shape weight() const {
    return {out, windows.channels / groups, windows.window.height, windows.window.width};
  }
};

// The image itself is its columns.
bool is_pointwise(const Windows& w) {
  return w.window == Extent2(1) && w.stride == Extent2(1) && w.padding == Extent2(0);
}

// Some rows of windows of one group of one image. `columns` has room for them.
struct Band {
  int64_t image, group, first, rows;
};

// Calls body(band) for each, with about `kBand` elements of columns.
template <class Body>
void each_band(const Conv& conv, int64_t batch, const Body& body) {
  constexpr int64_t kBand = 1 << 16;
  const Windows w = conv.of_group();
  const int64_t row = std::max<int64_t>(w.elements() * w.columns, 1);
  const int64_t rows = is_pointwise(w) ? w.rows : std::clamp<int64_t>(kBand / row, 1, w.rows);
  for (int64_t image = 0; image < batch; ++image) {
    for (int64_t group = 0; group < conv.groups; ++group) {
      for (int64_t first = 0; first < w.rows; first += rows) {
        body(Band{image, group, first, std::min(rows, w.rows - first)});
      }
    }
  }
}

// Memory for the columns of a band.
Tensor column_room(const Conv& conv, DType dtype) {
  int64_t most = 0;
  const Windows w = conv.of_group();
  each_band(conv, 1, [&](const Band& band) {
    if (!is_pointwise(w)) most = std::max(most, w.elements() * band.rows * w.columns);
  });
  return make({most}, dtype);
}

// Where the parts of a band lie.
template <class T>
struct Parts {
  T* image;  // of the group's channels
  T* result;
  T* weight;
  int64_t n;     // windows in the band
  int64_t step;  // from one row of columns to the next
};
template <class T>
Parts<T> parts_of(const Conv& conv, const Windows& w, const Band& band, const Tensor& image,
                  const Tensor& result, const Tensor& weight) {
  const int64_t out = conv.out / conv.groups, plane = w.height * w.width;
  const int64_t group = band.image * conv.groups + band.group;
  const int64_t n = band.rows * w.columns;
  return {elements<T>(image) + group * w.channels * plane,
          elements<T>(result) + group * out * w.count() + band.first * w.columns,
          elements<T>(weight) + band.group * out * w.elements(), n,
          is_pointwise(w) ? w.count() : n};
}

// y = windows(x) w + bias
template <class T>
void convolve(const Conv& conv, const Tensor& x, const Tensor& weight, const Tensor& bias,
              const Tensor& y) {
  const Windows w = conv.of_group();
  const Tensor room = column_room(conv, x.dtype());
  const int64_t out = conv.out / conv.groups;
  each_band(conv, x.size(0), [&](const Band& band) {
    const Parts<T> at = parts_of<T>(conv, w, band, x, y, weight);
    T* columns = is_pointwise(w) ? at.image : elements<T>(room);
    if (!is_pointwise(w)) unfold_rows(w, at.image, band.first, band.rows, columns);
    Gemm<T> g{.m = out,
              .n = at.n,
              .k = w.elements(),
              .a = at.weight,
              .a_row = w.elements(),
              .a_column = 1,
              .b = columns,
              .b_row = at.step,
              .b_column = 1,
              .c = at.result,
              .c_row = w.count()};
    if (bias.defined()) g.row_bias = elements<T>(bias) + band.group * out;
    gemm(g);
  });
}

// x = windows^T(y) w
template <class T>
void transpose(const Conv& conv, const Tensor& y, const Tensor& weight, const Tensor& x) {
  const Windows w = conv.of_group();
  const Tensor room = column_room(conv, x.dtype());
  const int64_t out = conv.out / conv.groups;
  each_band(conv, y.size(0), [&](const Band& band) {
    const Parts<T> at = parts_of<T>(conv, w, band, x, y, weight);
    T* columns = is_pointwise(w) ? at.image : elements<T>(room);
    gemm(Gemm<T>{.m = w.elements(),
                 .n = at.n,
                 .k = out,
                 .a = at.weight,
                 .a_row = 1,
                 .a_column = w.elements(),
                 .b = at.result,
                 .b_row = w.count(),
                 .b_column = 1,
                 .c = columns,
                 .c_row = at.step});
    if (!is_pointwise(w)) fold_rows(w, columns, band.first, band.rows, at.image);
  });
}

// weight = windows(x)^T y, summed over the batch
template <class T>
void correlate(const Conv& conv, const Tensor& x, const Tensor& y, const Tensor& weight) {
  const Windows w = conv.of_group();
  const Tensor room = column_room(conv, x.dtype());
  each_band(conv, x.size(0), [&](const Band& band) {
    const Parts<T> at = parts_of<T>(conv, w, band, x, y, weight);
    T* columns = is_pointwise(w) ? at.image : elements<T>(room);
    if (!is_pointwise(w)) unfold_rows(w, at.image, band.first, band.rows, columns);
    gemm(Gemm<T>{.m = conv.out / conv.groups,
                 .n = w.elements(),
                 .k = at.n,
                 .a = at.result,
                 .a_row = w.count(),
                 .a_column = 1,
                 .b = columns,
                 .b_row = 1,
                 .b_column = at.step,
                 .c = at.weight,
                 .c_row = w.elements(),
                 .accumulate = true});
  });
}

// ---- The three as ops, each made differentiable by the other two ----

Tensor forward(const Conv& conv, const Tensor& x, const Tensor& weight, const Tensor& bias);
Tensor weight_gradient(const Conv& conv, const Tensor& x, const Tensor& dy);

// `y` is empty, or the sum over no channels or windows is 0.
bool is_trivial(const Tensor& x, const Tensor& y) { return x.numel() == 0 || y.numel() == 0; }

Tensor transposed(const Conv& conv, const Tensor& given_y, const Tensor& given_weight) {
  const Tensor y = given_y.contiguous(), weight = given_weight.contiguous();
  Tensor x = Tensor::zeros(conv.image(y.size(0)), y.dtype());
  if (!is_trivial(x, y)) {
    dispatch_floating("conv", y.dtype(), [&]<class T>() { transpose<T>(conv, y, weight, x); });
  }
  if (tracks(y, weight)) {
    record("conv_transpose", x, {&y, &weight},
           [conv, y, weight](const Tensor& dx, Gradients& grads) {
             if (grads.wants(0)) grads.add(0, forward(conv, dx, weight, {}));
             if (grads.wants(1)) grads.add(1, weight_gradient(conv, dx, y));
           });
  }
  return x;
}

Tensor weight_gradient(const Conv& conv, const Tensor& given_x, const Tensor& given_y) {
  const Tensor x = given_x.contiguous(), y = given_y.contiguous();
  Tensor dw = Tensor::zeros(conv.weight(), x.dtype());
  if (!is_trivial(x, y)) {
    dispatch_floating("conv", x.dtype(), [&]<class T>() { correlate<T>(conv, x, y, dw); });
  }
  if (tracks(x, y)) {
    record("conv_weight_gradient", dw, {&x, &y}, [conv, x, y](const Tensor& ddw, Gradients& grads) {
      if (grads.wants(0)) grads.add(0, transposed(conv, y, ddw));
      if (grads.wants(1)) grads.add(1, forward(conv, x, ddw, {}));
    });
  }
  return dw;
}

Tensor forward(const Conv& conv, const Tensor& given_x, const Tensor& given_weight,
               const Tensor& given_bias) {
  const Tensor x = given_x.contiguous(), weight = given_weight.contiguous();
  const Tensor bias = given_bias.defined() ? given_bias.contiguous() : given_bias;
  Tensor y = make(conv.result(x.size(0)), x.dtype());
  if (y.numel() > 0) {
    dispatch_floating("conv", x.dtype(), [&]<class T>() { convolve<T>(conv, x, weight, bias, y); });
  }
  if (tracks(x, weight, bias)) {
    record("conv", y, {&x, &weight, &bias}, [conv, x, weight](const Tensor& dy, Gradients& grads) {
      if (grads.wants(0)) grads.add(0, transposed(conv, dy, weight));
      if (grads.wants(1)) grads.add(1, weight_gradient(conv, x, dy));
      if (grads.wants(2)) grads.add(2, dy.sum({0, 2, 3}));
    });
  }
  return y;
}

// ---- The door: shapes, dtypes, images without a batch ----

void check_operands(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    int spatial, int64_t groups, int64_t out) {
  check<ShapeError>(x.rank() == spatial + 1 || x.rank() == spatial + 2,
                    "{}: needs an image of {} axes, or {} with a batch, got {}", op, spatial + 1,
                    spatial + 2, x.shape());
  check<ShapeError>(weight.rank() == spatial + 2, "{}: the weight must have {} axes, got {}", op,
                    spatial + 2, weight.shape());
  check<ValueError>(groups > 0, "{}: the number of groups must be above 0, got {}", op, groups);
  check<ShapeError>(!bias.defined() || bias.shape() == Shape{out},
                    "{}: the bias must be [{}], got {}", op, out,
                    bias.defined() ? bias.shape() : Shape{});
}

// body(x, weight, bias) with a batch and in one dtype, f32 or f64.
template <class Body>
Tensor through_conv(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                    int batched_rank, Body body) {
  const DType dtype = promote(x.dtype(), weight.dtype());
  check<DTypeError>(is_floating(dtype), "{}: needs a floating dtype, got {}; cast it first", op,
                    dtype);
  const bool batched = x.rank() == batched_rank;
  const Tensor y = through(op, Takes::floating, batched ? x : x.unsqueeze(0), weight,
                           [&](const Tensor& image, const Tensor& w) {
                             return body(image, w, bias.defined() ? into(bias, w.dtype()) : bias);
                           });
  return batched ? y : y.squeeze(0);
}

ConvOptions of_widths(const ConvOptions& o) {
  return {.stride = {1, o.stride.width},
          .padding = {0, o.padding.width},
          .dilation = {1, o.dilation.width},
          .groups = o.groups};
}

Tensor conv_images(const char* op, const Tensor& x, const Tensor& weight, const Tensor& bias,
                   const ConvOptions& o) {
  const int64_t channels = x.size(1), out = weight.size(0);
  check<ShapeError>(weight.size(1) * o.groups == channels && out % o.groups == 0,
                    "{}: {} groups of a weight {} do not fit {} channels", op, o.groups,
                    weight.shape(), channels);
  Conv conv{windows_over(op, x.shape(), {weight.size(-2), weight.size(-1)}, o.stride, o.padding,
                         o.dilation),
            o.groups, out};
  return forward(conv, x, weight, bias);
}

}  // namespace

Tensor Tensor::conv1d(const Tensor& weight, const Tensor& bias, const ConvOptions& options) const {
  require_defined("conv1d", *this, weight);
  check_operands("conv1d", *this, weight, bias, 1, options.groups, weight.size(0));
  return through_conv(
      "conv1d", *this, weight, bias, 3, [&](const Tensor& x, const Tensor& w, const Tensor& b) {
        return conv_images("conv1d", x.unsqueeze(2), w.unsqueeze(2), b, of_widths(options))
            .squeeze(2);
      });
}

Tensor Tensor::conv2d(const Tensor& weight, const Tensor& bias, const ConvOptions& options) const {
  require_defined("conv2d", *this, weight);
  check_operands("conv2d", *this, weight, bias, 2, options.groups, weight.size(0));
  return through_conv("conv2d", *this, weight, bias, 4,
                      [&](const Tensor& x, const Tensor& w, const Tensor& b) {
                        return conv_images("conv2d", x, w, b, options);
                      });
}

Tensor Tensor::conv_transpose2d(const Tensor& weight, const Tensor& bias,
                                const ConvTransposeOptions& o) const {
  const char* op = "conv_transpose2d";
  require_defined(op, *this, weight);
  const int64_t out = weight.rank() > 1 ? weight.size(1) * o.groups : 0;
  check_operands(op, *this, weight, bias, 2, o.groups, out);
  return through_conv(
      op, *this, weight, bias, 4, [&](const Tensor& x, const Tensor& w, const Tensor& b) {
        check<ShapeError>(x.size(1) == w.size(0) && x.size(1) % o.groups == 0,
                          "{}: {} groups of a weight {} do not fit {} channels", op, o.groups,
                          w.shape(), x.size(1));
        const auto size_of = [&](int64_t n, int64_t window, int64_t stride, int64_t padding,
                                 int64_t dilation, int64_t more) {
          check<ValueError>(more >= 0 && (more < stride || more < dilation),
                            "{}: output_padding must not be below 0, and below the stride, got {}",
                            op, more);
          return (n - 1) * stride - 2 * padding + dilation * (window - 1) + more + 1;
        };
        const Extent2 window{w.size(-2), w.size(-1)};
        const Shape image{x.size(0), out,
                          size_of(x.size(2), window.height, o.stride.height, o.padding.height,
                                  o.dilation.height, o.output_padding.height),
                          size_of(x.size(3), window.width, o.stride.width, o.padding.width,
                                  o.dilation.width, o.output_padding.width)};
        check<ShapeError>(image[2] > 0 && image[3] > 0, "{}: {} would have no rows or columns", op,
                          image);
        Conv conv{windows_over(op, image, window, o.stride, o.padding, o.dilation), o.groups,
                  x.size(1)};
        // With more padding than the stride, windows beyond those of x fit in, too.
        conv.windows.rows = x.size(2);
        conv.windows.columns = x.size(3);
        const Tensor y = transposed(conv, x, w);
        return b.defined() ? y + b.reshape({out, 1, 1}) : y;
      });
}

Tensor Tensor::conv1d(const Tensor& weight, const ConvOptions& options) const {
  return conv1d(weight, Tensor(), options);
}
Tensor Tensor::conv2d(const Tensor& weight, const ConvOptions& options) const {
  return conv2d(weight, Tensor(), options);
}
Tensor Tensor::conv_transpose2d(const Tensor& weight, const ConvTransposeOptions& options) const {
  return conv_transpose2d(weight, Tensor(), options);
}

}  // namespace attune
