// Every optimizer against its formula in double, and what all of them promise.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <filesystem>
#include <string>

#include "attune/base/error.h"
#include "attune/tensor/io/safetensors.h"
#include "attune/base/threads.h"
#include "hwy/targets.h"
#include "tests/optim/support.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::optim::test;

namespace {

std::string temporary(const char* name) {
  return (std::filesystem::temp_directory_path() / name).string();
}

}  // namespace

TEST_CASE("optimizers: follow their formula on every CPU target") {
  constexpr int kSteps = 30;
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    CAPTURE(hwy::TargetName(target));
    for (const Case& c : all_optimizers()) {
      for (const DType dtype : {DType::f64, DType::f32}) {
        for (const int64_t n : {0, 1, 7, 16, 37}) {
          CAPTURE(c.name);
          CAPTURE(n);
          Rng rng(5);
          std::vector<Tensor> p{Tensor::randn({n}, rng, dtype)};
          std::vector<double> expected = p[0].cast(DType::f64).to_vector<double>();
          std::vector<double> a(expected.size()), b(expected.size());
          const auto optimizer = c.make();
          double error = 0;
          for (int t = 1; t <= kSteps; ++t) {
            const Tensor g = Tensor::randn({n}, rng, dtype) * (t % 3 == 0 ? 1e-3 : 1.0);
            optimizer->update(p, std::vector<Tensor>{g});
            const auto wide = g.cast(DType::f64).to_vector<double>();
            const auto got = p[0].cast(DType::f64).to_vector<double>();
            for (size_t i = 0; i < expected.size(); ++i) {
              c.formula(expected[i], wide[i], t, a[i], b[i]);
              error = support::worse(error, std::abs(got[i] - expected[i]));
            }
          }
          CHECK(optimizer->steps() == kSteps);
          CHECK(error < (dtype == DType::f64 ? 1e-13 : 4e-6));
        }
      }
    }
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST_CASE("Adam: in f32, a step is within 1e-6 of the exact one, for gradients of any size") {
  for (const int64_t target : hwy::SupportedAndGeneratedTargets()) {
    hwy::SetSupportedTargetsForTest(target);
    CAPTURE(hwy::TargetName(target));
    std::vector<float> sizes;
    for (double g = 1e-12; g < 1e15; g *= 1.37) sizes.push_back(static_cast<float>(g));
    const auto n = static_cast<int64_t>(sizes.size());
    std::vector<Tensor> p{Tensor::zeros({n})};  // from 0, so that p is the step itself
    optim::Adam adam({.learning_rate = 0.01});
    adam.update(p, std::vector<Tensor>{Tensor::from(sizes, {n})});
    const auto step = p[0].to_vector<float>();
    double worst = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      const double g = sizes[i], exact = -0.01 * g / (g + 1e-8);
      worst = support::worse(worst, std::abs(double{step[i]} / exact - 1));
    }
    CAPTURE(worst);
    CHECK(worst < 1e-6);
  }
  hwy::SetSupportedTargetsForTest(0);
}

TEST_CASE("optimizers: NaN gradients are seen in the parameter, not swallowed") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    std::vector<Tensor> p{Tensor::ones({20})};
    const auto optimizer = c.make();
    Tensor g = Tensor::zeros({20}).masked_fill(Tensor::arange(0, 20).eq(13), NAN);
    optimizer->update(p, std::vector<Tensor>{g});
    CHECK(p[0].isnan().sum().item<int64_t>() == 1);
    CHECK(p[0][13].isnan().item<bool>());
  }
}

TEST_CASE("optimizers: state that fades away becomes 0, never a denormal number") {
  const std::string path = temporary("attune_denormal_test.safetensors");
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    std::vector<Tensor> p{Tensor::zeros({8})};
    const auto optimizer = c.make();
    optimizer->update(p, std::vector<Tensor>{Tensor::full({8}, 1e-14f)});
    const std::vector<Tensor> zero{Tensor::zeros({8})};
    for (int i = 0; i < 1500; ++i) {
      optimizer->update(p, zero);
      if (i % 50 != 0) continue;
      optimizer->save(path);
      for (const auto& [name, x] : load_safetensors(path)) {
        if (x.dtype() != DType::f32) continue;
        for (const float value : x.to_vector<float>())
          CHECK((value == 0 || std::abs(value) >= 1e-30f));
      }
    }
  }
  std::remove(path.c_str());
}

TEST_CASE("optimizers: a copy is a checkpoint, and going on from it gives the same numbers") {
  const std::string path = temporary("attune_optimizer_test.safetensors");
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    nn::Sequential model = small_net();
    auto optimizer = c.make();
    train(model, *optimizer, 0, 5);
    nn::Sequential saved_model = model;
    const auto saved_optimizer = c.copy(*optimizer);
    optimizer->save(path);
    const std::vector<Tensor> at_save = model.parameters();

    train(model, *optimizer, 5, 10);
    CHECK_FALSE(same(model.parameters(), at_save));
    CHECK(same(saved_model.parameters(), at_save));

    nn::Sequential from_file = saved_model;
    train(saved_model, *saved_optimizer, 5, 10);
    CHECK(same(saved_model.parameters(), model.parameters()));

    const auto loaded = c.make();
    loaded->load(path);
    CHECK(loaded->steps() == 5);
    train(from_file, *loaded, 5, 10);
    CHECK(same(from_file.parameters(), model.parameters()));
  }
  optim::SGD other({.momentum = 0.5});
  CHECK_THROWS_AS(other.load(path), IoError);  // the last one saved was AdamW's
  save_safetensors(path, {{"SGD.steps", Tensor(std::numeric_limits<int64_t>::max())},
                          {"SGD.parameters", Tensor(int64_t{0})},
                          {"learning_rate", Tensor(0.1)}});
  CHECK_THROWS_AS(other.load(path), IoError);  // no step could be counted after these
  std::remove(path.c_str());
}

TEST_CASE(
    "optimizers: a warm step moves parameters where they are; a checkpoint makes it copy once") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    nn::Sequential model = small_net();
    const auto optimizer = c.make();
    const auto places = [&] {
      std::vector<const void*> all;
      for (const Tensor& p : model.parameters()) all.push_back(p.data<float>().data());
      return all;
    };
    const auto cold = places();
    train(model, *optimizer, 0, 10);
    CHECK(places() == cold);
    const nn::Sequential checkpoint = model;
    train(model, *optimizer, 10, 11);
    const auto moved = places();
    for (size_t i = 0; i < moved.size(); ++i) CHECK(moved[i] != cold[i]);
    train(model, *optimizer, 11, 20);
    CHECK(places() == moved);
  }
}

TEST_CASE("optimizers: gradients that do not fit are refused") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    nn::Sequential model = small_net();
    const auto optimizer = c.make();
    std::vector<Tensor> grads = gradients(model, 0);
    const nn::Sequential before = model;
    CHECK_THROWS_AS(optimizer->update(model, std::span(grads).first(3)), ValueError);
    CHECK(same(before.parameters(), model.parameters()));
    std::vector<Tensor> wide = grads;
    wide[0] = wide[0].cast(DType::f64);
    CHECK_THROWS_AS(optimizer->update(model, wide), DTypeError);
    grads[0] = grads[0].t();
    CHECK_THROWS_AS(c.make()->update(model, grads), ShapeError);
  }
}

TEST_CASE("optimizers: views and non-contiguous gradients") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    Rng rng(4);
    const Tensor start = Tensor::randn({4, 6}, rng), g = Tensor::randn({4, 6}, rng);
    std::vector<Tensor> plain{start.t().clone()}, view{start.t()};
    const auto a = c.make(), b = c.make();
    for (int i = 0; i < 3; ++i) {
      a->update(plain, std::vector<Tensor>{g.t().clone()});
      b->update(view, std::vector<Tensor>{g.t()});
    }
    CHECK(same(plain, view));
    CHECK_FALSE(same({start.t()}, view));  // what the view looked at is as it was
  }
}

TEST_CASE("optimizers: options out of range") {
  using namespace optim;
  CHECK_THROWS_AS(SGD({.learning_rate = -1}), ValueError);
  CHECK_THROWS_AS(SGD({.learning_rate = NAN}), ValueError);
  CHECK_THROWS_AS(SGD({.momentum = 1}), ValueError);
  CHECK_THROWS_AS(SGD({.nesterov = true}), ValueError);
  CHECK_THROWS_AS(SGD({.momentum = 0.9, .dampening = 0.1, .nesterov = true}), ValueError);
  CHECK_THROWS_AS(Adam({.beta1 = 1}), ValueError);
  CHECK_THROWS_AS(Adam({.epsilon = 0}), ValueError);
  CHECK_THROWS_WITH_AS(AdamW({.weight_decay = -0.1}),
                       "AdamW: weight_decay must be a finite number, not negative, got -0.1",
                       ValueError);
}
