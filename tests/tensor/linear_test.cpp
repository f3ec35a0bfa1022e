// linear: the fused layer against its parts, and its gradients.

#include "attune/base/threads.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

TensorFunction layer(Activation activation) {
  return [activation](std::span<const Tensor> in) {
    return linear(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), activation);
  };
}

}  // namespace

TEST_CASE("linear: equals x w^T + b, then relu, on every CPU target") {
  on_all_targets([] {
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const Shape& shape :
           {Shape{5}, Shape{1, 5}, Shape{17, 5}, Shape{2, 3, 5}, Shape{0, 5}}) {
        CAPTURE(shape.to_string());
        const Tensor x = random(shape, dtype, -1, 1, 1), w = random({33, 5}, dtype, -1, 1, 2);
        const Tensor b = random({33}, dtype, -1, 1, 3);
        const Tensor want = x.matmul(w.t()) + b;
        const double limit = 4 * tolerance(dtype);
        CHECK(max_error(linear(x, w, b), want) < limit);
        CHECK(max_error(linear(x, w), want - b) < limit);
        CHECK(max_error(linear(spaced(x), spaced(w), spaced(b), Activation::relu), want.relu()) <
              limit);
      }
    }
  });
}

TEST_CASE("linear: gradients, first and second") {
  for (const Activation activation : {Activation::none, Activation::relu}) {
    for (const Shape& shape : {Shape{4, 3}, Shape{2, 2, 3}, Shape{3}}) {
      CAPTURE(shape.to_string());
      const std::vector<Tensor> inputs{random(shape, DType::f64, -1, 1, 1),
                                       random({5, 3}, DType::f64, -1, 1, 2),
                                       random({5}, DType::f64, -1, 1, 3)};
      CHECK(gradient_error(layer(activation), inputs) < 1e-6);
      CHECK(second_gradient_error(layer(activation), inputs) < 1e-6);
      CHECK(gradient_error(layer(activation), {inputs[0], inputs[1]}) < 1e-6);
    }
  }
}

TEST_CASE("linear: gradients in f32 as the ops give them, on every CPU target") {
  on_all_targets([] {
    for (const int64_t out : {1, 10, 16, 37, 64}) {
      CAPTURE(out);
      const std::vector<Tensor> inputs{random({19, 23}, DType::f32, -1, 1, 1),
                                       random({out, 23}, DType::f32, -1, 1, 2),
                                       random({out}, DType::f32, -1, 1, 3)};
      const Tensor dy = random({19, out}, DType::f32, -1, 1, 4);
      const auto gradients = [&](const auto& f) {
        Tape tape(inputs);
        return tape.gradient((f() * dy).sum());
      };
      const auto fused =
          gradients([&] { return linear(inputs[0], inputs[1], inputs[2], Activation::relu); });
      const auto plain =
          gradients([&] { return (inputs[0].matmul(inputs[1].t()) + inputs[2]).relu(); });
      for (size_t i = 0; i < inputs.size(); ++i) CHECK(max_error(fused[i], plain[i]) < 1e-5);
    }
  });
}

TEST_CASE("linear: a gradient that others hold is not changed by the mask") {
  const Tensor x = random({4, 3}, DType::f32, -1, 1, 1), w = random({5, 3}, DType::f32, -1, 1, 2);
  Tape tape({x, w});
  const Tensor y = linear(x, w, {}, Activation::relu);
  const Tensor weights = random({4, 5}, DType::f32, -1, 1, 3);
  const std::vector<float> before = weights.to_vector<float>();
  // dy of both uses of y is `weights` itself.
  const std::vector<Tensor> grads =
      tape.gradient((y * weights).sum() + (y * weights).sum(), {x, w, y});
  CHECK(weights.to_vector<float>() == before);
  CHECK(max_error(grads[2], weights * 2) == 0);
}

TEST_CASE("linear: only what is asked for is computed") {
  const Tensor x = random({4, 3}, DType::f64, -1, 1, 1), w = random({5, 3}, DType::f64, -1, 1, 2);
  const Tensor b = random({5}, DType::f64, -1, 1, 3);
  Tape tape({x, w, b});
  const std::vector<Tensor> grads = tape.gradient(linear(x, w, b).sum(), {b});
  CHECK(grads[0].to_vector<double>() == std::vector<double>(5, 4));
}

TEST_CASE("linear: the same bits at any number of threads") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const std::vector<Tensor> inputs{random({1025, 784}, dtype, -1, 1, 1),
                                     random({512, 784}, dtype, -1, 1, 2),
                                     random({512}, dtype, -1, 1, 3)};
    const auto on = [&](int threads) {
      const ThreadScope scope(threads);
      Tape tape(inputs);
      const Tensor y = linear(inputs[0], inputs[1], inputs[2], Activation::relu);
      std::vector<Tensor> all = tape.gradient(y.square().sum());
      all.push_back(y);
      return all;
    };
    const std::vector<Tensor> one = on(1), three = on(3);
    for (size_t i = 0; i < one.size(); ++i) CHECK(one[i].eq(three[i]).all().item<bool>());
  }
}

TEST_CASE("linear: no rows, no inputs, no outputs, and their gradients") {
  for (const Shape& shape : {Shape{2, 3, 5}, Shape{2, 0, 5}, Shape{2, 3, 0}, Shape{0}, Shape{5}}) {
    for (const int64_t out : {0, 4}) {
      CAPTURE(shape.to_string());
      CAPTURE(out);
      const Tensor x = random(shape, DType::f64, -1, 1, 1);
      const std::vector<Tensor> inputs{x, random({out, x.size(-1)}, DType::f64, -1, 1, 2),
                                       random({out}, DType::f64, -1, 1, 3)};
      Tape tape(inputs);
      const Tensor y = layer(Activation::relu)(inputs);
      const std::vector<Tensor> grads = tape.gradient(y.sum());
      if (out == 0) CHECK(values(grads[0]) == std::vector<double>(size_t(x.numel()), 0));
      CHECK(gradient_error(layer(Activation::relu), inputs) < 1e-6);
      CHECK(second_gradient_error(layer(Activation::relu), inputs) < 1e-6);
    }
  }
}

TEST_CASE("linear and matmul: halves are computed in f32 and rounded once") {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    const std::vector<Tensor> halves{random({4, 7}, dtype, -1, 1, 1),
                                     random({5, 7}, dtype, -1, 1, 2), random({5}, dtype, -1, 1, 3)};
    std::vector<Tensor> wide;
    for (const Tensor& x : halves) wide.push_back(x.cast(DType::f32));
    const auto outcome = [](const std::vector<Tensor>& in, bool fused) {
      Tape tape(in);
      const Tensor y =
          fused ? linear(in[0], in[1], in[2], Activation::relu) : in[0].matmul(in[1].t());
      std::vector<Tensor> all = tape.gradient(y.cast(DType::f32).sum());
      all.push_back(y);
      return all;
    };
    const double limit = dtype == DType::f16 ? 4e-3 : 3e-2;
    for (const bool fused : {true, false}) {
      const std::vector<Tensor> got = outcome(halves, fused), want = outcome(wide, fused);
      for (size_t i = 0; i < got.size(); ++i) {
        CHECK(got[i].dtype() == dtype);
        CHECK(max_error(got[i].cast(DType::f32), want[i]) < limit);
      }
    }
  }
}

TEST_CASE("linear: relu stops infinite gradients and lets those of NaN through, nested or not") {
  const Tensor x({{-1.0}, {4.0}, {std::nan("")}}), w({{1.0}});
  const auto root = [&] { return linear(x, w, {}, Activation::relu).sqrt().sum(); };
  const auto check = [](const std::vector<double>& dx) {
    CHECK(dx[0] == 0);  // the square root's slope at 0 is infinite
    CHECK(dx[1] == 0.25);
    CHECK(std::isnan(dx[2]));
  };
  {
    Tape tape({x});
    check(values(tape.gradient(root(), {x})[0]));
  }
  const Tape outer({x});
  Tape inner({x});
  check(values(inner.gradient(root(), {x})[0]));
}

TEST_CASE("linear: a gradient of another dtype is refused") {
  const Tensor x = Tensor::ones({8, 64}), w = Tensor::ones({64, 64});
  Tape tape({w});
  const Tensor y = custom_gradient([](std::span<const Tensor> in) { return in[0] * 1; },
                                   [](std::span<const Tensor>, const Tensor&, const Tensor& dy) {
                                     return std::vector{dy * Tensor(2.0)};
                                   },
                                   std::vector{linear(x, w)});
  CHECK_THROWS_AS(tape.gradient(y.sum(), {w}), DTypeError);
}

TEST_CASE("linear: what does not fit is named") {
  const Tensor x = Tensor::ones({4, 3});
  CHECK_THROWS_WITH_AS(
      linear(x, Tensor::ones({5, 4})),
      "linear: x [4, 3] does not fit w [5, 4]; the last axis of x must be w's second", ShapeError);
  CHECK_THROWS_AS(linear(x, Tensor::ones({5, 3}), Tensor::ones({4})), ShapeError);
  CHECK_THROWS_AS(linear(x, Tensor::ones({5, 3}, DType::f64)), DTypeError);
  CHECK_THROWS_AS(linear(Tensor::ones({4, 3}, DType::i32), Tensor::ones({5, 3}, DType::i32)),
                  DTypeError);
}
