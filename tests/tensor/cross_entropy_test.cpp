// cross_entropy against its definition, its gradients, and labels that lie.

#include "attune/base/threads.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

double reference(const Tensor& logits, const Tensor& labels) {
  const std::vector<double> z = values(logits), t = values(labels);
  const size_t classes = static_cast<size_t>(logits.size(1));
  double loss = 0;
  for (size_t row = 0; row < t.size(); ++row) {
    double top = -kInf, sum = 0;
    for (size_t c = 0; c < classes; ++c) top = std::max(top, z[row * classes + c]);
    for (size_t c = 0; c < classes; ++c) sum += std::exp(z[row * classes + c] - top);
    loss += std::log(sum) + (top - z[row * classes + static_cast<size_t>(t[row])]);
  }
  return loss / static_cast<double>(t.size());
}

}  // namespace

TEST_CASE("cross_entropy: equals its definition on every CPU target") {
  on_all_targets([] {
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const DType index : {DType::i32, DType::i64}) {
        for (const int64_t classes : {1, 2, 10, 16, 17, 100}) {
          CAPTURE(classes);
          const Tensor z = random({7, classes}, dtype, -20, 20, classes);
          const Tensor t =
              random({7}, DType::f64, 0, static_cast<double>(classes), 2).floor().cast(index);
          CHECK(difference(values(cross_entropy(z, t))[0], reference(z, t)) < 4 * tolerance(dtype));
          CHECK(difference(values(cross_entropy(spaced(z), t))[0], reference(z, t)) <
                4 * tolerance(dtype));
        }
      }
    }
  });
}

TEST_CASE("cross_entropy: gradients, first and second") {
  const Tensor t({0, 2, 1, 2});
  const auto loss = [&](std::span<const Tensor> in) { return cross_entropy(in[0], t); };
  CHECK(gradient_error(loss, {random({4, 3}, DType::f64, -2, 2)}) < 1e-6);
  CHECK(second_gradient_error(loss, {random({4, 3}, DType::f64, -2, 2)}) < 1e-6);
  CHECK(gradient_error([&](std::span<const Tensor> in) { return cross_entropy(in[0], t) * 3; },
                       {random({4, 3}, DType::f64, -2, 2)}) < 1e-6);
}

TEST_CASE("cross_entropy: gradients in f32 are those in f64, on every CPU target") {
  on_all_targets([] {
    for (const int64_t classes : {2, 10, 33}) {
      const Tensor t = random({7}, DType::f64, 0, double(classes), 2).floor().cast(DType::i64);
      const auto loss = [&](std::span<const Tensor> in) { return cross_entropy(in[0], t); };
      CHECK(single_gradient_error(loss, {random({7, classes}, DType::f64, -3, 3)}) < 1e-6);
    }
  });
}

TEST_CASE("cross_entropy: the number of threads changes nothing") {
  const Tensor z = random({3000, 40}, DType::f32, -3, 3);
  const Tensor t = random({3000}, DType::f64, 0, 40, 2).floor().cast(DType::i64);
  const auto run = [&](int threads) {
    const ThreadScope scope(threads);
    Tape tape({z});
    const Tensor loss = cross_entropy(z, t);
    const Tensor dz = tape.gradient(loss, {z})[0];
    return std::pair(loss.item<float>(), dz.to_vector<float>());
  };
  CHECK((run(1) == run(3)));
}

TEST_CASE("cross_entropy: large logits that lie close do not cancel") {
  const auto loss = [](std::vector<float> z, int64_t label) {
    const int64_t classes = static_cast<int64_t>(z.size());
    return values(cross_entropy(Tensor::from(z, {1, classes}), Tensor({label})))[0];
  };
  on_all_targets([&] {
    CHECK(loss({1e7f, 1e7f - 1}, 0) == doctest::Approx(0.31326169).epsilon(1e-6));
    CHECK(loss({1e7f, 1e7f - 1}, 1) == doctest::Approx(1.31326169).epsilon(1e-6));
    CHECK(loss({1000, 1008}, 1) == doctest::Approx(0.00033540637).epsilon(2e-4));
    CHECK(loss({1e6f, 1e6f, 1e6f}, 0) == doctest::Approx(1.0986123).epsilon(1e-6));
  });
}

TEST_CASE("cross_entropy: huge logits do not overflow, NaN is not hidden") {
  const Tensor t({0, 1});
  CHECK(values(cross_entropy(Tensor({{1e30f, -1e30f}, {-1e30f, 1e30f}}), t))[0] == 0);
  on_all_targets([] {
    for (const double bad : {kNan, kInf}) {
      for (int64_t place = 0; place < 20; ++place) {
        CAPTURE(place);
        std::vector<double> z(20, 1.0);
        z[static_cast<size_t>(place)] = bad;
        for (const DType dtype : {DType::f32, DType::f64}) {
          const Tensor logits = Tensor::from(z, {1, 20}).cast(dtype);
          CHECK(std::isnan(values(cross_entropy(logits, Tensor({3})))[0]));
        }
      }
    }
  });
}

TEST_CASE("cross_entropy: wrong labels and shapes are named") {
  const Tensor z = Tensor::zeros({2, 3});
  CHECK_THROWS_WITH_AS(cross_entropy(z, Tensor({0, 3})),
                       "cross_entropy: label 3 at row 1 is not one of the 3 classes 0 to 2",
                       ValueError);
  CHECK_THROWS_AS(cross_entropy(z, Tensor({0, -1})), ValueError);
  CHECK_THROWS_AS(cross_entropy(z, Tensor({0, 1, 2})), ShapeError);
  CHECK_THROWS_AS(cross_entropy(z, Tensor({0.f, 1.f})), DTypeError);
  CHECK_THROWS_AS(cross_entropy(Tensor::zeros({0, 3}), Tensor::zeros({0}, DType::i64)), ValueError);
}
