#include "attune/nn/conv.h"

#include <cmath>

#include "attune/tensor/internal/check.h"

namespace attune::nn {
namespace {

// `in` and `out` are those of the weight's rows: windows are over in / groups channels.
void check_sizes(const char* layer, int64_t in, int64_t out, Extent2 window, int64_t groups) {
  check<ValueError>(in > 0 && out > 0 && window.height > 0 && window.width > 0,
                    "{}: sizes must be positive, got in={}, out={}, window {} by {}", layer, in,
                    out, window.height, window.width);
  check<ValueError>(groups > 0 && in % groups == 0 && out % groups == 0,
                    "{}: {} groups do not divide {} and {} channels", layer, groups, in, out);
}

// Uniform within 1 / sqrt(n), n the elements of a window.
Tensor spread(const Shape& shape, int64_t n, Rng& rng) {
  const double bound = 1 / std::sqrt(static_cast<double>(n));
  return Tensor::uniform(shape, -bound, bound, rng);
}

ConvOptions of(const ConvLayerOptions& o) { return {o.stride, o.padding, o.dilation, o.groups}; }

std::string text_of(const char* kind, int64_t in, int64_t out, const Tensor& weight) {
  std::string window;
  for (int axis = 2; axis < weight.rank(); ++axis) {
    window += fmt::format("{}{}", axis > 2 ? "x" : "", weight.size(axis));
  }
  return fmt::format("{}({} -> {}, {})", kind, in, out, window);
}

}  // namespace

Conv1d::Conv1d(int64_t in, int64_t out, int64_t window, Rng& rng, const ConvLayerOptions& o)
    : options_(of(o)) {
  check_sizes("Conv1d", in, out, {1, window}, o.groups);
  const int64_t n = in / o.groups * window;
  weight = spread({out, in / o.groups, window}, n, rng);
  if (o.bias) bias = spread({out}, n, rng);
}

Tensor Conv1d::forward(const Tensor& x) { return x.conv1d(weight, bias, options_); }

std::string Conv1d::describe() const {
  return text_of("Conv1d", weight.size(1) * options_.groups, weight.size(0), weight);
}

Conv2d::Conv2d(int64_t in, int64_t out, Extent2 window, Rng& rng, const ConvLayerOptions& o)
    : options_(of(o)) {
  check_sizes("Conv2d", in, out, window, o.groups);
  const int64_t n = in / o.groups * window.height * window.width;
  weight = spread({out, in / o.groups, window.height, window.width}, n, rng);
  if (o.bias) bias = spread({out}, n, rng);
}

Tensor Conv2d::forward(const Tensor& x) { return x.conv2d(weight, bias, options_); }

std::string Conv2d::describe() const {
  return text_of("Conv2d", weight.size(1) * options_.groups, weight.size(0), weight);
}

ConvTranspose2d::ConvTranspose2d(int64_t in, int64_t out, Extent2 window, Rng& rng,
                                 const ConvTransposeLayerOptions& o)
    : options_{.stride = o.stride,
               .padding = o.padding,
               .dilation = o.dilation,
               .output_padding = o.output_padding,
               .groups = o.groups} {
  check_sizes("ConvTranspose2d", in, out, window, o.groups);
  const int64_t n = out / o.groups * window.height * window.width;  // as PyTorch counts them
  weight = spread({in, out / o.groups, window.height, window.width}, n, rng);
  if (o.bias) bias = spread({out}, n, rng);
}

Tensor ConvTranspose2d::forward(const Tensor& x) {
  return x.conv_transpose2d(weight, bias, options_);
}

std::string ConvTranspose2d::describe() const {
  return text_of("ConvTranspose2d", weight.size(0), weight.size(1) * options_.groups, weight);
}

}  // namespace attune::nn
