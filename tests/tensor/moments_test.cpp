// var, std, norm at the ends of the range; reduce_test.cpp has them among all reductions.

#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

using Line = std::vector<double>;

double var(const Line& x) {
  double mean = 0, squares = 0;
  for (const double e : x) mean += e / static_cast<double>(x.size());
  for (const double e : x) squares += (e - mean) * (e - mean);
  return squares / (static_cast<double>(x.size()) - 1);
}

}  // namespace

TEST_CASE("var: corrections, a large mean, equal elements") {
  const Tensor x({1.0, 2.0, 4.0, 9.0});
  CHECK(max_error(x.var({}, 0), {9.5}) < 1e-14);
  CHECK(max_error(x.var({}, 2), {19}) < 1e-14);
  CHECK(max_error(x.var({}, 4), {kNan}) == 0);
  CHECK(max_error((x + 1e8).var({}, 0), {9.5}) < 1e-7);
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const int64_t n : {5, 7, 1000}) {
      CAPTURE(n);
      const Tensor same = Tensor::full({n}, 0.1, dtype);
      CHECK(max_error(same.std(), {0}) == 0);
      Tape tape({same});
      CHECK(max_error(tape.gradient(same.std(), {same})[0], Line(size_t(n), 0)) < 1e-12);
    }
  }
  // Around 1e6 neighbouring f32 numbers lie 0.06 apart.
  const Tensor far = Tensor::arange(0, 1001).cast(DType::f32) * 0.0625f + 1e6f;
  const Line exact = values(far);
  CHECK(max_error(far.var(), {var(exact)}) < 1e-6);
  const auto f = [](std::span<const Tensor> in) { return in[0].std(); };
  CHECK(single_gradient_error(f, {far}) < 1e-6);
}

TEST_CASE("var, std, norm: squares that leave the range do not matter") {
  CHECK(difference(values(Tensor({4e19f, -4e19f, 2e19f}).std())[0] / 1e19,
                   std::sqrt(var({4, -4, 2}))) < 1e-6);
  const Tensor many = (Tensor::arange(0, 100).cast(DType::f32) * 3.14159265f).cos().sign() * 3e18f;
  CHECK(difference(values(many.var())[0] / 1e36, var(values(many)) / 1e36) < 1e-6);
  CHECK(difference(values(Tensor({3e200, -3e200}).std({}, 0))[0] / 1e200, 3) < 1e-14);
  CHECK(max_error(Tensor({3e30f, 4e30f}).norm(), {5e30}) < 1e-6);
  CHECK(Tensor({3e-30f, 4e-30f}).norm().item<float>() == doctest::Approx(5e-30f).epsilon(1e-5));
  CHECK(max_error(Tensor({3e200, 4e200}).norm(), {5e200}) < 1e-14);
  CHECK(Tensor({3e-200, 4e-200}).norm().item<double>() == doctest::Approx(5e-200));
}

TEST_CASE("var: an infinite element leaves its line slopes of -inf and inf, NaN at itself") {
  on_all_targets([] {
    for (const DType dtype : {DType::f32, DType::f64}) {
      const Tensor x = Tensor({{1.0, kInf, 3.0},
                               {-kInf, 1.0, 2.0},
                               {kInf, 1.0, -kInf},
                               {1.0, kNan, 2.0},
                               {1.0, 2.0, 3.0}})
                           .cast(dtype);
      const Line of_var = {-kInf, kNan, -kInf, kNan, kInf, kInf, kNan, kNan,
                           kNan,  kNan, kNan,  kNan, -1,   0,    1};
      Line of_std = of_var;  // divided by a result of NaN
      std::fill(of_std.begin(), of_std.end() - 3, kNan);
      of_std[12] = -0.5, of_std[14] = 0.5;
      CHECK(max_error(x.var(1), {kNan, kNan, kNan, kNan, 1}) == 0);
      Tape tape({x});
      CHECK(max_error(tape.gradient(x.var(1).sum(), {x})[0], of_var) == 0);
      Tape of_root({x});
      CHECK(max_error(of_root.gradient(x.std(1).sum(), {x})[0], of_std) == 0);
    }
  });
}

TEST_CASE("norm: 0 has the slope 0, the smallest numbers slopes up to 1") {
  const auto slopes = [](const Tensor& x) {
    Tape tape({x});
    return tape.gradient(x.norm(), {x})[0];
  };
  CHECK(max_error(slopes(Tensor::zeros({3}, DType::f64)), Line(3, 0)) == 0);
  CHECK(max_error(slopes(Tensor({3e-44f, 4e-44f})), {0.6, 0.8}) < 0.05);  // of few digits
  CHECK(max_error(slopes(Tensor({0.f, 1e-45f})), {0, 1}) == 0);
}
