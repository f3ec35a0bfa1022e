// Convolutions and pooling: what the rows of the op table leave out.
#include "attune/tensor/tensor.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

Tensor numbers(const Shape& shape, int64_t seed = 1, DType dtype = DType::f64) {
  Rng rng = Rng(8).fork(seed);
  return Tensor::randn(shape, rng, dtype);
}
double apart(const Tensor& a, const Tensor& b) {
  return a.shape() == b.shape() ? (a - b).abs().max().cast(DType::f64).item<double>() : kInf;
}

// By unfold and one product: another way to the same numbers.
Tensor by_columns(const Tensor& x, const Tensor& w, const ConvOptions& o) {
  const Tensor columns = x.unfold({w.size(2), w.size(3)}, {o.stride, o.padding, o.dilation});
  const Tensor y = w.flatten(1).matmul(columns);
  return y;
}

}  // namespace

TEST_CASE("conv2d: strides, padding and dilation, against unfolded columns") {
  const Tensor x = numbers({2, 3, 9, 8}), w = numbers({4, 3, 3, 2}, 2);
  for (const ConvOptions& o : {ConvOptions{}, ConvOptions{.stride = 2},
                               ConvOptions{.padding = {2, 1}}, ConvOptions{.dilation = {2, 3}},
                               ConvOptions{.stride = {3, 2}, .padding = 3, .dilation = 2}}) {
    const Tensor y = x.conv2d(w, o);
    CHECK(apart(y.flatten(2), by_columns(x, w, o)) < 1e-12);
    const auto f = [&](std::span<const Tensor> at) { return at[0].conv2d(at[1], at[2], o); };
    CHECK(gradient_error(f, {x, w, numbers({4}, 3)}) < 1e-6);
  }
  CHECK(apart(x.conv2d(numbers({5, 3, 1, 1}))[1],
              numbers({5, 3}).matmul(x[1].flatten(1)).unflatten(1, {9, 8})) < 1e-12);
}

TEST_CASE("conv2d: many bands make what one does") {
  const Tensor x = numbers({1, 40, 64, 60}, 1, DType::f32),
               w = numbers({8, 40, 5, 5}, 2, DType::f32);
  const Tensor y = x.conv2d(w, {.padding = 2});
  const Tensor exact = x.cast(DType::f64).conv2d(w.cast(DType::f64), {.padding = 2});
  CHECK(apart(y.cast(DType::f64), exact) < 1e-3);
  CHECK(y.shape() == Shape({1, 8, 64, 60}));
}

TEST_CASE("conv2d: second gradients, groups, and the transpose") {
  const Tensor x = numbers({2, 4, 4, 3}), w = numbers({6, 2, 2, 2}, 2), b = numbers({6}, 3);
  const ConvOptions o{.stride = {2, 1}, .padding = 1, .groups = 2};
  const auto f = [&](std::span<const Tensor> at) { return at[0].conv2d(at[1], at[2], o).square(); };
  CHECK(second_gradient_error(f, {x, w, b}) < 1e-4);
  const Tensor v = numbers({4, 3, 3, 2}, 4);
  const ConvTransposeOptions t{.stride = 3, .padding = 1, .output_padding = {1, 2}, .groups = 2};
  const auto g = [&](std::span<const Tensor> at) {
    return at[0].conv_transpose2d(at[1], at[2], t).square();
  };
  CHECK(gradient_error(g, {x, v, numbers({6}, 5)}) < 1e-6);
  CHECK(second_gradient_error(g, {x, v, numbers({6}, 5)}) < 1e-4);
  // <conv(x), y> = <x, transpose(y)>
  const Tensor image = numbers({1, 4, 7, 7}), kernel = numbers({5, 4, 3, 3}, 6);
  const Tensor y = image.conv2d(kernel, {.stride = 2}), up = numbers(y.shape(), 7);
  const Tensor back = up.conv_transpose2d(kernel, {.stride = 2});
  CHECK(std::abs((y * up).sum().item<double>() - (image * back).sum().item<double>()) < 1e-9);
}

TEST_CASE("images without a batch, of f16, and empty batches") {
  const Tensor x = numbers({3, 6, 6}), w = numbers({2, 3, 3, 3}, 2);
  CHECK(apart(x.conv2d(w), x.unsqueeze(0).conv2d(w)[0]) == 0);
  CHECK(x.cast(DType::f16).conv2d(w.cast(DType::f16)).dtype() == DType::f16);
  CHECK(Tensor::zeros({0, 3, 6, 6}).conv2d(w.cast(DType::f32)).shape() == Shape({0, 2, 4, 4}));
  CHECK(x.max_pool2d(2).shape() == Shape({3, 3, 3}));
  CHECK(Tensor::zeros({0, 3, 6, 6}).max_pool2d(2).shape() == Shape({0, 3, 3, 3}));
  CHECK(x[0].conv1d(numbers({4, 6, 3}, 3)).shape() == Shape({4, 4}));
}

TEST_CASE("pooling: padding is never the largest, and counts in the mean unless told otherwise") {
  const Tensor x = Tensor::full({1, 1, 2, 2}, -1.0, DType::f64);
  CHECK(x.max_pool2d(2, {.padding = 1}).max().item<double>() == -1);
  CHECK((x.avg_pool2d(2, {.padding = 1})[{0, 0, 0, 0}].item<double>() == -0.25));
  CHECK(
      (x.avg_pool2d(2, {.padding = 1, .count_padding = false})[{0, 0, 0, 0}].item<double>() == -1));
}

TEST_CASE("interpolate: corners, and gradients of both modes") {
  const Tensor x = Tensor({{0., 1.}, {2., 3.}}).unsqueeze(0);
  const Tensor y = x.interpolate(3, Interpolation::bilinear, true);
  CHECK(apart(y[0], Tensor({{0., .5, 1.}, {1., 1.5, 2.}, {2., 2.5, 3.}})) < 1e-15);
  for (const auto mode : {Interpolation::nearest, Interpolation::bilinear}) {
    const auto f = [mode](std::span<const Tensor> at) {
      return at[0].interpolate({5, 3}, mode).square();
    };
    CHECK(gradient_error(f, {numbers({2, 3, 4})}) < 1e-6);
    CHECK(second_gradient_error(f, {numbers({2, 3, 4})}) < 1e-5);
  }
}

TEST_CASE("images: mistakes") {
  const Tensor x = Tensor::zeros({1, 4, 5, 5}), w = Tensor::zeros({2, 4, 3, 3});
  CHECK_THROWS_AS(x.conv2d(Tensor::zeros({2, 3, 3, 3})), ShapeError);
  CHECK_THROWS_AS(x.conv2d(w, Tensor::zeros({3})), ShapeError);
  CHECK_THROWS_AS(x.conv2d(w, {.groups = 2}), ShapeError);
  CHECK_THROWS_AS(x.conv2d(w, {.stride = 0}), ValueError);
  CHECK_THROWS_AS(x.conv2d(w, {.padding = -1}), ValueError);
  CHECK_THROWS_AS(x.conv2d(w, {.dilation = 3}), ShapeError);
  CHECK_THROWS_AS(x.conv2d(w, {.padding = int64_t{1} << 62}), ValueError);
  CHECK_THROWS_AS((x[{0, 0, 0}].conv2d(w)), ShapeError);
  CHECK_THROWS_AS(x.cast(DType::i32).conv2d(w.cast(DType::i32)), DTypeError);
  CHECK_THROWS_AS(x.max_pool2d(2, {.padding = 2}), ValueError);
  CHECK_THROWS_AS(x.max_pool2d(6), ShapeError);
  CHECK_THROWS_AS(Tensor::zeros({1, 0, 5}).max_pool2d(1), ShapeError);
  CHECK_THROWS_AS(x.interpolate(0), ValueError);
  CHECK_THROWS_AS(x.flatten(1, 2).fold(5, 3), ShapeError);
  CHECK_THROWS_AS(x.conv_transpose2d(w, {.output_padding = 1}), ShapeError);  // 4 channels, not 2
  CHECK_THROWS_AS(x.conv_transpose2d(w.transpose(0, 1), {.output_padding = 1}), ValueError);
  CHECK_THROWS_AS(Tensor::zeros({4, 3}).rope(), ShapeError);
}
