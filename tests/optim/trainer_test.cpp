#include "attune/optim/trainer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <numbers>
#include <utility>

#include "attune/nn/activation.h"
#include "attune/nn/dropout.h"
#include "attune/nn/linear.h"
#include "attune/nn/loss.h"
#include "attune/nn/sequential.h"
#include "attune/nn/split.h"
#include "attune/optim/adam.h"
#include "attune/optim/adamw.h"
#include "attune/optim/sgd.h"
#include "attune/base/error.h"
#include "attune/tensor/internal/record.h"
#include "attune/tensor/tape.h"
#include "attune/base/threads.h"

using namespace attune;

namespace {

// Two spiral arms, which no straight line parts.
nn::Dataset spirals(int64_t rows, Rng& rng) {
  std::vector<float> x;
  std::vector<int64_t> y;
  for (int64_t i = 0; i < rows; ++i) {
    const int64_t arm = i % 2;
    const double along = rng.uniform();
    const double angle = 1.25 * std::numbers::pi * along + std::numbers::pi * double(arm);
    x.push_back(static_cast<float>((0.2 + along) * std::cos(angle) + 0.03 * rng.normal()));
    x.push_back(static_cast<float>((0.2 + along) * std::sin(angle) + 0.03 * rng.normal()));
    y.push_back(arm);
  }
  return {Tensor::from(x, {rows, 2}), Tensor::from(y, {rows})};
}

nn::Sequential classifier(Rng& rng) {
  return nn::Sequential{nn::Linear(2, 32, rng),  nn::ReLU(), nn::Dropout(0.05, rng),
                        nn::Linear(32, 32, rng), nn::ReLU(), nn::Linear(32, 2, rng)};
}

bool same(const std::vector<Tensor>& a, const std::vector<Tensor>& b) {
  bool equal = a.size() == b.size();
  for (size_t i = 0; equal && i < a.size(); ++i) equal = a[i].eq(b[i]).all().item<bool>();
  return equal;
}

}  // namespace

TEST_CASE("train: a small network learns two spirals it was not shown") {
  Rng rng(1);
  nn::Split parts = nn::split(spirals(600, rng), {.stratify = true}, rng);
  nn::Sequential model = classifier(rng);
  optim::Adam adam({.learning_rate = 1e-2});
  const nn::TrainReport report = nn::train(
      model, adam, parts.train, {.epochs = 60, .batch_size = 32, .shuffle = rng.fork("order")});
  CHECK(report.epochs == 60);
  CHECK(report.steps == 60 * 12);  // 360 rows in batches of 32
  CHECK(adam.steps() == report.steps);
  CHECK(report.losses.back() < 0.3 * report.losses.front());
  CHECK_FALSE(report.diverged);
  const nn::Evaluation result = nn::evaluate(std::as_const(model), parts.test.open());
  CHECK(result.rows == 120);
  CHECK(result.score >= 0.97);
  CHECK(model.training());  // evaluate leaves the mode as it was
}

TEST_CASE("train: a small network learns a function, by several optimizers") {
  Rng rng(2);
  const Tensor x = Tensor::uniform({400, 1}, -2, 2, rng);
  const nn::Dataset data{x, (x * 2).sin() + x * 0.5};
  const auto learns = [&](optim::Optimizer& optimizer) {
    Rng own(3);
    nn::Sequential model{nn::Linear(1, 32, own), nn::Tanh(), nn::Linear(32, 1, own)};
    nn::train(model, optimizer, data, {.epochs = 150, .batch_size = 40, .shuffle = own});
    return nn::evaluate(model, data).score;
  };
  optim::Adam adam({.learning_rate = 1e-2});
  optim::AdamW adamw({.learning_rate = 1e-2, .weight_decay = 1e-4});
  optim::SGD sgd({.learning_rate = 5e-2, .momentum = 0.9, .nesterov = true});
  CHECK(learns(adam) > 0.98);
  CHECK(learns(adamw) > 0.98);
  CHECK(learns(sgd) > 0.98);
}

TEST_CASE("train: the same numbers again, at any number of threads") {
  Rng data_rng(4);
  const nn::Dataset data = spirals(200, data_rng);
  const auto weights = [&](int threads) {
    const ThreadScope scope(threads);
    Rng rng(5);
    nn::Sequential model = classifier(rng);
    optim::AdamW adamw;
    nn::train(model, adamw, data, {.epochs = 5, .shuffle = rng.fork("order"), .clip_norm = 0.5});
    return model.parameters();
  };
  const auto once = weights(1);
  CHECK(same(weights(1), once));
  CHECK(same(weights(2), once));
}

TEST_CASE("train: three epochs and three more are six") {
  Rng data_rng(4);
  const nn::Dataset data = spirals(200, data_rng);
  const auto fresh = [] {
    Rng rng(5);
    return classifier(rng);
  };
  nn::TrainOptions options{.epochs = 6, .shuffle = Rng(6)};
  nn::Sequential whole = fresh();
  optim::AdamW adamw;
  nn::train(whole, adamw, data, options);

  nn::Sequential model = fresh();
  optim::AdamW second;
  options.epochs = 3;
  CHECK(nn::train(model, second, data, options).epochs == 3);
  const nn::Sequential kept_model = model;  // a copy holds Dropout's stream too
  const optim::AdamW kept_optimizer = second;
  nn::train(model, second, data, options);  // something else, in between
  model = kept_model;
  second = kept_optimizer;
  options.epochs = 6;
  options.first_epoch = 3;
  std::vector<int64_t> epochs;
  options.on_epoch = [&](const nn::EpochReport& report) {
    epochs.push_back(report.epoch);
    return true;
  };
  CHECK(nn::train(model, second, data, options).epochs == 3);
  CHECK(epochs == std::vector<int64_t>{3, 4, 5});
  CHECK(same(model.parameters(), whole.parameters()));
  options.first_epoch = -1;
  CHECK_THROWS_AS(nn::train(model, second, data, options), ValueError);
}

TEST_CASE("train: the callback sees each epoch and may end it; divergence ends it too") {
  Rng rng(6);
  const nn::Dataset data = spirals(100, rng);
  nn::Sequential model = classifier(rng);
  optim::Adam adam;
  std::vector<int64_t> epochs;
  const auto report =
      nn::train(model, adam, data, {.epochs = 10, .batch_size = 50, .on_epoch = [&](const auto& e) {
                                      epochs.push_back(e.epoch);
                                      CHECK(e.steps == 2 * (e.epoch + 1));
                                      return e.epoch < 2;
                                    }});
  CHECK(epochs == std::vector<int64_t>{0, 1, 2});
  CHECK(report.epochs == 3);
  CHECK(report.losses.size() == 3);

  const nn::Dataset numbers{data.x, data.x * 1e3f};
  nn::Sequential linear{nn::Linear(2, 2, rng)};
  optim::SGD wild({.learning_rate = 1e6});
  const auto gone = nn::train(linear, wild, numbers, {.epochs = 100});
  CHECK(gone.diverged);
  CHECK(gone.epochs < 100);
}

TEST_CASE("evaluate: loss, accuracy and R^2; predict in batches") {
  Rng rng(7);
  nn::Linear identity(2, 2, rng);
  identity.weight = Tensor::eye(2);
  identity.bias = Tensor::zeros({2});
  const Tensor x({{3.f, 1.f}, {0.f, 2.f}, {5.f, 4.f}, {1.f, 2.f}});
  const nn::Dataset labelled{x, Tensor({0, 1, 1, 1})};
  const nn::Evaluation result = nn::evaluate(identity, labelled, {.batch_size = 3});
  CHECK(result.score == 0.75);
  CHECK(result.loss == doctest::Approx(nn::cross_entropy(x, labelled.y).item<float>()));
  CHECK(nn::predict(identity, x, 3).eq(x).all().item<bool>());

  CHECK(nn::evaluate(identity, {x, x}).score == 1);
  CHECK(nn::evaluate(identity, {x, x}).loss == 0);
  const Tensor mean = Tensor::full({4, 2}, x.mean().item<float>());
  CHECK(nn::evaluate(identity, {mean, x}).score == doctest::Approx(0));
  CHECK(nn::evaluate(identity, {x, mean}).score == 0);  // no variance to explain
  for (const double unit : {1e-200, 1e200}) {           // squares leave the range, R^2 does not
    const Tensor far = x.cast(DType::f64) * unit;
    const nn::Loss none = [](const Tensor&, const Tensor&) { return Tensor(0.0); };
    CHECK(nn::evaluate(nn::Sequential(), {far, far}, {.loss = none}).score == 1);
    CHECK(nn::evaluate(nn::Sequential(), {far.flip(0), far}, {.loss = none}).score ==
          doctest::Approx(nn::evaluate(nn::Sequential(), {x.flip(0), x}).score));
  }
  const Tensor nan = Tensor::full({4, 2}, NAN);
  CHECK(std::isnan(nn::evaluate(identity, {x, nan}).score));
  const nn::Loss l1 = nn::l1;
  CHECK(nn::evaluate(identity, {x, x + 2}, {.loss = l1}).loss == doctest::Approx(2));
  CHECK_THROWS_AS(nn::evaluate(identity, {x, Tensor::zeros({3})}), ShapeError);
  CHECK_THROWS_AS(nn::predict(identity, x, 0), ValueError);
  CHECK_THROWS_AS(nn::predict(identity, Tensor::zeros({0, 2})), ShapeError);
}

TEST_CASE("evaluate: outputs and labels of any dtype") {
  Rng rng(9);
  nn::Linear identity(2, 2, rng);
  identity.weight = Tensor::eye(2);
  identity.bias = Tensor::zeros({2});
  const Tensor x({{3.f, 1.f}, {0.f, 2.f}, {5.f, 4.f}, {1.f, 2.f}});
  const Tensor labels({0, 1, 1, 1});
  const nn::Loss loss = [](const Tensor& logits, const Tensor& y) {
    return nn::cross_entropy(logits.cast(DType::f64), y.cast(DType::i64));
  };
  for (const DType dtype : {DType::i64, DType::i32, DType::u8, DType::boolean}) {
    CAPTURE(dtype);
    CHECK(nn::evaluate(identity, {x, labels.cast(dtype)}, {.loss = loss}).score == 0.75);
  }
  nn::Linear wide = identity;
  wide.to(DType::f64);
  CHECK(nn::evaluate(wide, {x.cast(DType::f64), labels}).score == 0.75);
  CHECK(nn::evaluate(wide, {x.cast(DType::f64), x}).score == 1);
  const nn::Loss half = [](const Tensor&, const Tensor&) { return Tensor(0.5f).cast(DType::f16); };
  const nn::Evaluation result = nn::evaluate(identity, {x, x.cast(DType::bf16)}, {.loss = half});
  CHECK(result.score == 1);
  CHECK(result.loss == 0.5);
}

TEST_CASE("evaluate: outputs that do not fit the targets are an error, not a wrong score") {
  Rng rng(10);
  nn::Linear model(2, 2, rng);
  const Tensor x = Tensor::randn({4, 2}, rng);
  const nn::Loss any = [](const Tensor& prediction, const Tensor&) { return prediction.sum(); };
  const auto refused = [&](const Tensor& y) {
    CHECK_THROWS_AS(nn::evaluate(model, {x, y}, {.loss = any}), ShapeError);
  };
  refused(Tensor({{0}, {1}, {1}, {0}}));  // labels as a column: would compare [4] with [4, 1]
  refused(Tensor::zeros({4}));
  refused(Tensor::zeros({4, 1}));
  refused(Tensor::zeros({4, 3}));
}

TEST_CASE("evaluate, predict: record nothing, so that an outer tape sees constants") {
  Rng rng(11);
  nn::Linear model(2, 2, rng);
  const Tensor x = Tensor::randn({4, 2}, rng);
  Tape tape(model.parameters());
  const Tensor y = nn::predict(model, x);
  nn::evaluate(model, {x, x});
  CHECK(internal::live_nodes() == 0);
  CHECK(tape.gradient(y.sum() + model.bias.sum())[0].abs().max().item<float>() == 0);
}

TEST_CASE("train: what it refuses") {
  Rng rng(8);
  nn::Linear model(2, 2, rng);
  optim::SGD sgd;
  const nn::Dataset data = spirals(10, rng);
  CHECK_THROWS_AS(nn::train(model, sgd, data, {.epochs = -1}), ValueError);
  CHECK_THROWS_AS(nn::train(model, sgd, data, {.batch_size = 0}), ValueError);
  CHECK_THROWS_AS(nn::train(model, sgd, data, {.clip_norm = -1}), ValueError);
  CHECK_THROWS_AS(nn::train(model, sgd, data, {.clip_norm = NAN}), ValueError);
  {
    const nn::EvalScope evaluating;
    CHECK_THROWS_AS(nn::train(model, sgd, data, {}), ValueError);
  }
  nn::ReLU empty;
  CHECK_THROWS_AS(nn::train(empty, sgd, data, {.epochs = 0}), ValueError);
  CHECK_THROWS_AS(nn::train(model, sgd, {data.x, Tensor::full({10}, 2, DType::i64)}, {}),
                  ValueError);  // a label outside the model's two outputs
}

TEST_CASE("predict, evaluate: take a const model, whatever its mode") {
  Rng rng(1);
  const nn::Sequential model{nn::Linear(2, 8, rng), nn::Dropout(0.5, rng), nn::Linear(8, 1, rng)};
  const Tensor x = Tensor::randn({20, 2}, rng);
  const Tensor y = nn::predict(model, x, 7);
  CHECK(model.training());
  CHECK(y.eq(nn::predict(model, x, 20)).all().item<bool>());
  CHECK(nn::evaluate(model, {x, y}).score == 1);
}

TEST_CASE("train, update: a forgotten layer is an error, and any kind of module can be moved") {
  Rng rng(1);
  struct Forgetful : nn::Module {
    nn::Linear first, second;
    explicit Forgetful(Rng& r) : first(2, 2, r), second(2, 2, r) {}
    Tensor forward(const Tensor& x) override { return second(first(x)); }
    void fields(nn::Fields& f) override { f("second", second); }
  } forgetful(rng);
  optim::SGD sgd({.learning_rate = 0.5});
  const Tensor x = Tensor::randn({8, 2}, rng);
  CHECK_THROWS_WITH_AS(nn::train(forgetful, sgd, {x, x}),
                       doctest::Contains("forward() calls Linear(2 -> 2), which fields() does not"),
                       ValueError);

  struct Scale : nn::ModuleOf<Scale> {
    Tensor factor = Tensor::ones({2});
    Tensor forward(const Tensor& a, const Tensor& b) { return (a + b) * factor; }
    void fields(nn::Fields& f) override { f("factor", factor); }
  } scale;
  Tape tape(scale);
  sgd.update(scale, tape.gradient(scale(Tensor({1.f, 2.f}), Tensor({1.f, 0.f})).sum()));
  CHECK(scale.factor.eq(Tensor({0.f, 0.f})).all().item<bool>());
}
