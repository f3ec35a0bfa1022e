// Why a training diverged, and what a step takes.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "attune/base/error.h"
#include "attune/nn/activation.h"
#include "attune/nn/batch_norm.h"
#include "attune/nn/dropout.h"
#include "attune/nn/linear.h"
#include "attune/nn/sequential.h"
#include "attune/optim/adam.h"
#include "attune/optim/divergence.h"
#include "attune/optim/sgd.h"
#include "attune/optim/step_cost.h"
#include "attune/optim/trainer.h"
#include "attune/tensor/memory.h"
#include "attune/tensor/tape.h"

using namespace attune;

namespace {

nn::Dataset numbers(int64_t rows) {
  Rng rng(1);
  const Tensor x = Tensor::randn({rows, 3}, rng);
  return {x, x.narrow(1, 0, 1) * 100};
}

// exp() in a block of its own: it overflows first.
struct Block : nn::Module {
  nn::Linear inner;
  explicit Block(Rng& rng) : inner(8, 8, rng) {}
  Tensor forward(const Tensor& x) override { return inner(x).exp(); }
  void fields(nn::Fields& f) override { f("inner", inner); }
};
struct Net : nn::Module {
  nn::Linear first, last;
  Block block;
  nn::Dropout drop;
  explicit Net(Rng& rng) : first(3, 8, rng), last(8, 1, rng), block(rng), drop(0.1f, rng) {}
  Tensor forward(const Tensor& x) override { return last(drop(block(first(x)))); }
  void fields(nn::Fields& f) override {
    f("first", first)("block", block)("drop", drop)("last", last);
  }
};

}  // namespace

TEST_CASE("find_divergence: the step, the op and the dotted name of its layer") {
  Rng rng(2);
  Net model(rng);
  optim::SGD sgd({.learning_rate = 1e3});
  const nn::Dataset data = numbers(40);
  const nn::TrainOptions options{.epochs = 3, .batch_size = 8, .shuffle = rng.fork("order")};
  Net before = model;
  const optim::SGD sgd_before = sgd;
  const nn::TrainReport report = nn::train(model, sgd, data, options);
  REQUIRE(report.diverged);
  // It ends at the step whose loss is not finite; nothing but finite weights moved until then.
  optim::SGD again = sgd_before;
  const auto found = nn::find_divergence(before, again, data, options, 0);
  REQUIRE(found);
  CHECK(found->epoch == 0);
  CHECK(found->step <= report.steps);
  CHECK(found->step >= report.steps - 1);
  CHECK(found->op == "exp");
  CHECK(found->layer == "block");
  CHECK(found->learning_rate == 1e3);
  CHECK(std::isfinite(found->largest_weight));
  CHECK(found->to_string().starts_with("diverged in step "));
  CHECK(found->to_string().find("(in layer block); learning rate 1000, gradient norm ") !=
        std::string::npos);

  // All is well: nothing is found, and the epoch is the same as without the trap.
  Rng fresh(4);
  nn::Sequential calm{nn::Linear(3, 4, fresh), nn::ReLU{}, nn::Linear(4, 1, fresh)};
  nn::Sequential twin = calm;
  optim::Adam adam({.learning_rate = 1e-3}), other = adam;
  CHECK_FALSE(nn::find_divergence(calm, adam, data, options, 0));
  nn::train(twin, other, data,
            {.epochs = 1, .batch_size = options.batch_size, .shuffle = options.shuffle});
  const auto a = calm.parameters(), b = twin.parameters();
  for (size_t i = 0; i < a.size(); ++i) CHECK(a[i].eq(b[i]).all().item<bool>());
}

TEST_CASE("the trap names layers also in gradients, and in layers that are computed together") {
  Rng rng(3);
  nn::Sequential model{nn::Linear(2, 4, rng), nn::ReLU{}, nn::Linear(4, 1, rng)};
  const Tensor x = Tensor::ones({3, 2});
  static_cast<nn::Linear&>(model[0]).weight = Tensor::full({4, 2}, 2.f);
  const auto trapped = [&](const Tensor& input) -> NonFinite {
    try {
      Tape tape(model, {.trap_nonfinite = true});
      tape.gradient((model(input) * 1e30f).sqrt().sum(), model.parameters());
    } catch (const NonFinite& e) {
      return e;
    }
    return NonFinite("", "", false, "nothing");
  };
  const NonFinite forward = trapped(x * std::numeric_limits<float>::max());
  CHECK(forward.layer() == "0");
  CHECK(std::string(forward.what()).ends_with(" (in layer 0)"));
  auto& last = static_cast<nn::Linear&>(model[2]);
  last.bias = Tensor({0.f});
  last.weight = Tensor::zeros({1, 4});
  CHECK(trapped(x).in_gradient());
  CHECK(trapped(x).op() == "sqrt");
}

TEST_CASE(
    "step_cost: memory and arithmetic of a step, from a few rows and without moving the model") {
  Rng rng(5);
  nn::Sequential model{nn::Linear(3, 200, rng), nn::ReLU{}, nn::Dropout(0.5f, rng),
                       nn::Linear(200, 1, rng)};
  const auto start = model.parameters();
  const nn::Dataset data = numbers(2000);
  const optim::Adam adam({.learning_rate = 1e-3});
  const nn::StepCost cost = nn::step_cost(model, adam, data);
  CHECK(cost.parameters == 3 * 200 + 200 + 200 + 1);
  CHECK(cost.weight_bytes == 4 * cost.parameters);
  CHECK(cost.state_bytes == 2 * cost.weight_bytes);
  CHECK(cost.row_flops >= 2 * 2 * (3 * 200 + 200));  // forward, and the weights' gradients
  CHECK(cost.row_flops <= 3 * 2 * (3 * 200 + 200));
  const auto after = model.parameters();
  for (size_t i = 0; i < after.size(); ++i) CHECK(after[i].eq(start[i]).all().item<bool>());

  // What a real step of 1,000 rows takes is foreseen to within a quarter.
  optim::Adam real = adam;
  const MemoryLimitScope counted(std::numeric_limits<int64_t>::max());
  nn::train(model, real, {data.x.narrow(0, 0, 1000), data.y.narrow(0, 0, 1000)},
            {.epochs = 2, .batch_size = 1000});
  const double foreseen = static_cast<double>(cost.bytes(1000) - cost.weight_bytes);
  CHECK(static_cast<double>(counted.peak()) < 1.25 * foreseen);
  CHECK(static_cast<double>(counted.peak()) > 0.6 * foreseen);

  const MemoryLimitScope tight(10'000);
  CHECK_THROWS_AS(nn::step_cost(model, adam, data), OutOfMemory);
}
