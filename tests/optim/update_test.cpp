// update(): it checks everything, then copies what others hold, then moves. So what throws has
// moved nothing.
#include <doctest/doctest.h>

#include <cmath>
#include <functional>
#include <stdexcept>
#include <vector>

#include "attune/nn/embedding.h"
#include "attune/base/error.h"
#include "attune/tensor/internal/block.h"
#include "attune/base/threads.h"
#include "tests/optim/support.h"

using namespace attune;
using namespace attune::optim::test;

namespace {

// Expects update(model, grads) to throw an E and to change nothing: neither the parameters, nor
// where the next steps lead.
template <class E>
void refused(const Case& c, optim::Optimizer& optimizer, nn::Sequential& model,
             const std::vector<Tensor>& grads) {
  nn::Sequential model_before = model;
  const auto optimizer_before = c.copy(optimizer);
  const std::vector<Tensor> before = model.parameters();
  CHECK_THROWS_AS(optimizer.update(model, grads), E);
  CHECK(same(model.parameters(), before));
  CHECK(optimizer.steps() == optimizer_before->steps());
  const NoGradScope paused;  // of a tape that the caller has open
  const auto after = c.copy(optimizer);
  nn::Sequential model_after = model;
  after->set_schedule({});
  optimizer_before->set_schedule({});
  train(model_after, *after, 20, 22);
  train(model_before, *optimizer_before, 20, 22);
  CHECK(same(model_after.parameters(), model_before.parameters()));
}

}  // namespace

TEST_CASE("update: a wrong gradient, wherever it stands, moves nothing") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    for (const int warm : {0, 3}) {
      nn::Sequential model = small_net();
      const auto optimizer = c.make();
      train(model, *optimizer, 0, warm);
      const std::vector<Tensor> grads = gradients(model, 9);
      for (size_t i = 0; i < grads.size(); ++i) {
        CAPTURE(i);
        std::vector<Tensor> bad = grads;
        bad[i] = grads[i].cast(DType::f64);
        refused<DTypeError>(c, *optimizer, model, bad);
        bad[i] = Tensor::zeros({2, 2, 2});
        refused<ShapeError>(c, *optimizer, model, bad);
        bad[i] = Tensor();
        refused<ValueError>(c, *optimizer, model, bad);
      }
      refused<ValueError>(c, *optimizer, model, {grads[0], grads[1], grads[2]});
      refused<ValueError>(c, *optimizer, model, {});
    }
  }
}

TEST_CASE("update: a schedule that throws or returns no usable factor moves nothing") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    nn::Sequential model = small_net();
    const auto optimizer = c.make();
    double factor = 1;
    std::vector<int64_t> asked;
    optimizer->set_schedule([&](int64_t step) {
      if (factor == 42) throw std::runtime_error("no factor");
      asked.push_back(step);
      return factor;
    });
    train(model, *optimizer, 0, 2);
    for (const double bad : {double{NAN}, double{INFINITY}, -0.5}) {
      factor = bad;
      refused<ValueError>(c, *optimizer, model, gradients(model, 5));
    }
    factor = 42;
    refused<std::runtime_error>(c, *optimizer, model, gradients(model, 5));
    factor = 1;
    train(model, *optimizer, 2, 3);
    CHECK(asked == std::vector<int64_t>{0, 1, 2, 2, 2, 2});
  }
}

TEST_CASE("update: running out of memory moves nothing") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    const Tensor start = Tensor({1.f, 2.f, 3.f});
    const Tensor huge = Tensor({1.f}).expand({int64_t{1} << 50});  // no copy of it fits anywhere
    std::vector<Tensor> p{start, huge};
    const auto optimizer = c.make();
    CHECK_THROWS_AS(optimizer->update(p, {start, huge}), OutOfMemory);
    CHECK(p[0].block() == start.block());
    CHECK(same({start}, {Tensor({1.f, 2.f, 3.f})}));
    CHECK(optimizer->steps() == 0);
    p.pop_back();
    optimizer->update(p, {start});  // the number of parameters was not yet settled
    CHECK(optimizer->steps() == 1);
  }
}

TEST_CASE("update: takes gradients as a braced list") {
  nn::Sequential model = small_net(), other = small_net();
  const std::vector<Tensor> g = gradients(model, 0);
  optim::Adam a, b;
  a.update(model, {g[0], g[1], g[2], g[3]});
  b.update(other, g);
  CHECK(same(model.parameters(), other.parameters()));
  std::vector<Tensor> p{Tensor::zeros({2})};
  optim::SGD({.learning_rate = 1}).update(p, {Tensor::ones({2})});
  CHECK(p[0].to_vector<float>() == std::vector<float>{-1, -1});
}

TEST_CASE("update: takes modules of any signature, with groups") {
  struct Pair : nn::ModuleOf<Pair> {
    Tensor a = Tensor::ones({2}), b = Tensor::ones({2});
    Tensor forward(const Tensor& x, double scale) { return x * a * scale + b; }
    void fields(nn::Fields& f) override { f("a", a)("b", b); }
  } pair;
  optim::SGD sgd({.learning_rate = 0.5});
  sgd.add_group({.pattern = "a", .learning_rate = 0.25});
  Tape tape(pair);
  sgd.update(pair, tape.gradient(pair(Tensor::ones({2}), 2).sum()));
  CHECK(pair.a.to_vector<float>() == std::vector<float>{0.5, 0.5});
  CHECK(pair.b.to_vector<float>() == std::vector<float>{0.5, 0.5});
}

TEST_CASE("update: parameters that cannot be trained") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    const auto refuses = [&]<class E>(E, const std::vector<Tensor>& parameters) {
      std::vector<Tensor> p = parameters;
      CHECK_THROWS_AS(c.make()->update(p, parameters), E);
      for (size_t i = 0; i < p.size(); ++i) CHECK(p[i].block() == parameters[i].block());
    };
    const Tensor fine = Tensor::ones({2});
    refuses(ValueError(""), {});
    refuses(ValueError(""), {fine, Tensor()});
    refuses(DTypeError(""), {fine, Tensor({1, 2})});
    refuses(DTypeError(""), {fine, Tensor({true})});
    refuses(DTypeError(""), {fine, fine.cast(DType::f16)});
    refuses(DTypeError(""), {fine, fine.cast(DType::bf16)});
    nn::ReLU empty;
    CHECK_THROWS_AS(c.make()->update(empty, {}), ValueError);
  }
}

TEST_CASE("update: an optimizer serves one model") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    const auto optimizer = c.make();
    std::vector<Tensor> p{Tensor::ones({2}), Tensor::ones({3})};
    optimizer->update(p, p);
    std::vector<Tensor> fewer{p[0]};
    CHECK_THROWS_AS(optimizer->update(fewer, fewer), ValueError);
    std::vector<Tensor> others{Tensor::ones({3}), Tensor::ones({2})};
    const bool stateless = c.name == "SGD" || c.name == "SGD, decay";
    if (!stateless) CHECK_THROWS_AS(optimizer->update(others, others), ShapeError);
    CHECK(optimizer->steps() == 1);
  }
}

TEST_CASE("update: one tensor given as two parameters is refused; tied fields are one parameter") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    const Tensor x = Tensor::ones({3}), y = Tensor::zeros({3});
    std::vector<Tensor> p{x, y, x};
    CHECK_THROWS_AS(c.make()->update(p, p), ValueError);
    CHECK(same(p, {x, y, x}));
    p[2] = x.clone();  // equal values are no matter
    c.make()->update(p, {x, y, x});
    CHECK(same({p[0]}, {p[2]}));

    struct Tied : nn::Module {
      Tensor first = Tensor::ones({3}), second = first, bias = Tensor::zeros({3});
      Tensor forward(const Tensor& in) override { return in * first * second + bias; }
      void fields(nn::Fields& f) override { f("first", first)("bias", bias)("second", second); }
    } model;
    std::vector<Tensor> alone{Tensor::ones({3}), Tensor::zeros({3})};
    const auto tied = c.make(), plain = c.make();
    for (int step = 0; step < 3; ++step) {
      const std::vector<Tensor> grads{Tensor({1.f, -2.f, 3.f}), Tensor({0.f, 0.5f, 1.f})};
      const void* place = model.first.data<float>().data();
      tied->update(model, grads);
      plain->update(alone, grads);
      CHECK(model.first.block() == model.second.block());
      CHECK(same(model.parameters(), alone));
      CHECK(place == model.first.data<float>().data());
    }
    CHECK_THROWS_AS(tied->update(model, {x}), ValueError);
    CHECK(model.first.block() == model.second.block());
  }
}

TEST_CASE("update: parameters, gradients and memory that overlap") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    const std::vector<float> numbers{1, -2, 3, 4};
    const auto expected = [&] {
      std::vector<Tensor> p{Tensor::from(numbers, {2, 2})};
      c.make()->update(p, {Tensor::from(numbers, {2, 2}).t()});
      return p;
    }();
    std::vector<Tensor> p{Tensor::from(numbers, {2, 2})};
    c.make()->update(p, {p[0].t()});  // the gradient is a view of the parameter
    CHECK(same(p, expected));

    std::vector<float> mine = numbers;  // of the caller
    p = {Tensor::borrow(mine.data(), {2, 2})};
    c.make()->update(p, {Tensor::from(numbers, {2, 2}).t()});
    CHECK(same(p, expected));
    CHECK(mine == numbers);

    const Tensor both = Tensor::from(numbers, {2, 2});
    p = {both[0], both[1]};  // two views of one tensor
    const std::vector<Tensor> grads{Tensor({1.f, 0.f}), Tensor({0.f, 1.f})};
    c.make()->update(p, grads);
    std::vector<Tensor> apart{both[0].clone(), both[1].clone()};
    c.make()->update(apart, grads);
    CHECK(same(p, apart));
    CHECK(same({both}, {Tensor::from(numbers, {2, 2})}));
  }
}

TEST_CASE("update: any number of threads gives the same bits") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    for (const DType dtype : {DType::f32, DType::f64}) {
      const auto trained = [&](int threads) {
        const ThreadScope scope(threads);
        Rng rng(3);
        std::vector<Tensor> p{Tensor::randn({300, 411}, rng, dtype),
                              Tensor::randn({7}, rng, dtype)};
        const auto optimizer = c.make();
        for (int step = 0; step < 3; ++step) {
          optimizer->update(
              p, {Tensor::randn({300, 411}, rng, dtype), Tensor::randn({7}, rng, dtype)});
        }
        return p;
      };
      const std::vector<Tensor> once = trained(1);
      CHECK(same(trained(2), once));
      CHECK(same(trained(3), once));
    }
  }
}

TEST_CASE("update: in f64, small state is kept; in f32 and f64 none becomes denormal") {
  // With a gradient of 1e-20 the mean square is 1e-43, which counts beside an epsilon of 1e-25.
  std::vector<Tensor> p{Tensor::zeros({1}, DType::f64)};
  optim::Adam adam({.learning_rate = 1, .epsilon = 1e-25});
  adam.update(p, {Tensor::full({1}, 1e-20, DType::f64)});
  CHECK(p[0].item<double>() == doctest::Approx(-1 / (1 + 1e-5)).epsilon(1e-12));
}

TEST_CASE("update: refuses what an open tape tracks, and moves nothing") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    nn::Sequential model = small_net();
    const auto optimizer = c.make();
    train(model, *optimizer, 0, 2);
    {
      const std::vector<Tensor> grads = gradients(model, 3);
      Tape tape(model.parameters());  // tracks the parameters
      refused<Error>(c, *optimizer, model, grads);
    }
    {
      const Tensor scale(1.f);
      std::vector<Tensor> grads = gradients(model, 3);
      Tape tape{scale};
      optimizer->update(model, grads);  // they do not depend on the scale
      grads[1] = grads[1] * scale;
      const std::vector<Tensor> before = model.parameters();
      CHECK_THROWS_AS(optimizer->update(model, grads), Error);
      CHECK(same(model.parameters(), before));
    }
  }
}

TEST_CASE("update: inside a NoGradScope it goes ahead and leaves what the tape recorded alone") {
  for (const Case& c : all_optimizers()) {
    CAPTURE(c.name);
    Rng rng(2);
    const Tensor w = Tensor::randn({4}, rng), g = Tensor::randn({4}, rng);
    const auto moved = [&] {
      std::vector<Tensor> p{w.clone()};
      c.make()->update(p, {g});
      return p;
    }();
    std::vector<Tensor> watched{w.clone()};
    Tape tape(watched);
    std::vector<Tensor> recorded{watched[0] * 2};  // of which the tape holds no handle
    const Tensor loss = recorded[0].square().sum();
    {
      const NoGradScope paused;
      c.make()->update(watched, {g});
      c.make()->update(recorded, {recorded[0] * 1});
    }
    CHECK(same(watched, moved));
    // The moved tensors are new ones, unknown to the tape.
    const std::vector<Tensor> first =
        tape.gradient(loss + (watched[0] * 100).sum() + (recorded[0] * 100).sum());
    CHECK((first[0] - w * 8).abs().max().item<float>() < 1e-5f);
  }
}

TEST_CASE("update: inside a NoGradScope, an inner loop of training as usual") {
  nn::Sequential model = small_net(), alone = small_net();
  optim::Adam a, b;
  train(alone, b, 0, 5);
  const Tensor scale(1.f);
  Tape tape{scale};
  {
    const NoGradScope paused;
    train(model, a, 0, 5);
  }
  CHECK(same(model.parameters(), alone.parameters()));
  CHECK_THROWS_AS(train(model, a, 5, 6), Error);  // the open tape records what the inner one does
}

TEST_CASE("update: after gradient() of the outermost tape, its parameters move in place") {
  nn::Sequential model = small_net();
  optim::Adam adam;
  Rng rng(1);
  const Tensor x = Tensor::randn({6, 5}, rng);
  const void* place = model.parameters()[0].data<float>().data();
  for (int step = 0; step < 3; ++step) {
    Tape tape(model.parameters());
    const Tensor loss = model(x).square().mean();
    adam.update(model, tape.gradient(loss));
    CHECK(model.parameters()[0].data<float>().data() == place);
  }
  Tape tape(model.parameters());
  const std::vector<Tensor> grads = tape.gradient(model(x).sum(), model.parameters());
  adam.update(model, grads);
  CHECK(adam.steps() == 4);
}

TEST_CASE("optimizers: numbers that are out of range or no numbers") {
  using namespace optim;
  for (const double bad : {-0.1, double{NAN}, double{INFINITY}}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(SGD({.learning_rate = bad}), ValueError);
    CHECK_THROWS_AS(SGD({.momentum = bad}), ValueError);
    CHECK_THROWS_AS(SGD({.momentum = 0.5, .dampening = bad}), ValueError);
    CHECK_THROWS_AS(SGD({.weight_decay = bad}), ValueError);
    CHECK_THROWS_AS(Adam({.learning_rate = bad}), ValueError);
    CHECK_THROWS_AS(Adam({.beta1 = bad}), ValueError);
    CHECK_THROWS_AS(Adam({.beta2 = bad}), ValueError);
    CHECK_THROWS_AS(Adam({.epsilon = bad}), ValueError);
    CHECK_THROWS_AS(Adam({.weight_decay = bad}), ValueError);
    CHECK_THROWS_AS(AdamW({.learning_rate = bad}), ValueError);
    CHECK_THROWS_AS(AdamW({.beta2 = bad}), ValueError);
    CHECK_THROWS_AS(AdamW({.weight_decay = bad}), ValueError);
    Adam adam;
    CHECK_THROWS_AS(adam.set_learning_rate(bad), ValueError);
    CHECK(adam.learning_rate() == 1e-3);
  }
  CHECK_THROWS_AS(Adam({.epsilon = 1e-60}), ValueError);  // 0 in f32, which would divide 0 by 0
}
