// nn::checkpoint: the same bits with less memory.
#include "attune/nn/checkpoint.h"

#include <doctest/doctest.h>

#include "attune/nn/batch_norm.h"
#include "attune/nn/dropout.h"
#include "attune/nn/linear.h"
#include "attune/nn/loss.h"
#include "attune/nn/sequential.h"
#include "attune/nn/activation.h"
#include "attune/tensor/memory.h"
#include "tests/support/check.h"

using namespace attune;
using namespace attune::support;

namespace {

struct Deep : nn::Module {
  std::vector<nn::Sequential> blocks;
  bool checkpoints = false;
  explicit Deep(Rng rng) {
    for (int i = 0; i < 6; ++i) {
      Rng drops = rng.fork(i);
      blocks.push_back(nn::Sequential{nn::Linear(16, 64, rng), nn::BatchNorm1d(64), nn::ReLU{},
                                      nn::Dropout(0.3, drops), nn::Linear(64, 16, rng)});
    }
  }
  Tensor forward(const Tensor& x) override {
    Tensor y = x;
    for (nn::Sequential& block : blocks) {
      y = y + (checkpoints ? nn::checkpoint(block, y) : block(y));
    }
    return y;
  }
  void fields(nn::Fields& f) override { f("blocks", blocks); }
};

struct Result {
  std::vector<std::vector<float>> numbers;  // loss, gradients, buffers
  std::vector<Rng> streams;
  int64_t peak = 0;
};

Result run(bool checkpoints) {
  Deep model{Rng(2)};
  model.checkpoints = checkpoints;
  Rng rng(3);
  const Tensor x = Tensor::randn({200, 16}, rng);
  Result result;
  MemoryLimitScope scope(int64_t{1} << 30);
  for (int step = 0; step < 2; ++step) {
    Tape tape(model);
    const Tensor loss = model(x).square().mean();
    result.numbers.push_back(loss.to_vector<float>());
    for (const Tensor& g : tape.gradient(loss)) result.numbers.push_back(g.to_vector<float>());
  }
  for (const Tensor& b : model.buffers()) {
    if (b.dtype() == DType::f32) result.numbers.push_back(b.to_vector<float>());
  }
  result.streams = static_cast<nn::ModuleBase&>(model).checkpoint().streams;
  result.peak = scope.peak();
  return result;
}

}  // namespace

TEST_CASE("checkpoint: the same bits with dropout and batch norm, in less memory") {
  const Result plain = run(false), saved = run(true);
  CHECK(plain.numbers == saved.numbers);
  CHECK(plain.streams == saved.streams);
  CHECK(saved.peak < plain.peak / 2);
}

TEST_CASE("checkpoint: functions, and gradients of gradients") {
  const TensorFunction f = [](std::span<const Tensor> in) { return (in[0] * in[1]).sin(); };
  const std::vector<Tensor> at{random({3, 2}, DType::f64, -1, 1, 1),
                               random({3, 2}, DType::f64, -1, 1, 2)};
  const TensorFunction saved = [&](std::span<const Tensor> in) { return nn::checkpoint(f, in); };
  CHECK(gradient_error(saved, at) < 1e-8);
  CHECK(second_gradient_error(saved, at) < 1e-7);

  // Of a layer with respect to its parameters.
  struct Scale : nn::Module {
    Tensor w;
    Tensor forward(const Tensor& x) override { return (x * w).sin(); }
    void fields(nn::Fields& f) override { f("w", w); }
  };
  const TensorFunction layered = [&](std::span<const Tensor> in) {
    static Scale layer;  // lives until the tapes have been asked
    layer.w = in[0];
    return nn::checkpoint(layer, in[1]);
  };
  CHECK(gradient_error(layered, at) < 1e-8);
  CHECK(second_gradient_error(layered, at) < 1e-7);

  // Random numbers are drawn once for the caller, and the same when it is computed again.
  const nn::RandomFunction drop = [](std::span<const Tensor> in, Rng& rng) {
    return in[0].dropout(0.5, rng).exp();
  };
  const auto gradient = [&](bool checkpoints, Rng& rng) {
    Tape tape({at[0]});
    const Tensor y = checkpoints ? nn::checkpoint(drop, {at[0]}, rng)
                                 : drop(std::span<const Tensor>(&at[0], 1), rng);
    return tape.gradient(y.sum(), {at[0]})[0].to_vector<double>();
  };
  Rng a(4), b(4);
  CHECK(gradient(false, a) == gradient(true, b));
  CHECK(a == b);
}

TEST_CASE("checkpoint: integer inputs, evaluation mode, and no tape at all") {
  const Tensor index({int64_t{1}, int64_t{0}}), table = random({2, 3}, DType::f64, -1, 1);
  const TensorFunction pick = [](std::span<const Tensor> in) {
    return in[0].index_select(0, in[1]).square();
  };
  Tape tape({table});
  const Tensor y = nn::checkpoint(pick, {table, index});
  CHECK(max_error(tape.gradient(y.sum(), {table})[0], table * 2) < 1e-15);

  Deep model{Rng(2)};
  Rng rng(3);
  const Tensor x = Tensor::randn({5, 16}, rng);
  model.eval();
  const Tensor want = model(x);
  model.checkpoints = true;
  CHECK(model(x).to_vector<float>() == want.to_vector<float>());
  model.train();
  Tape outer({x});
  Tensor in_scope;
  {
    const nn::EvalScope evaluating;
    in_scope = model(x);
  }
  CHECK(in_scope.to_vector<float>() == want.to_vector<float>());
  const auto got = outer.gradient(in_scope.sum(), {x})[0].to_vector<float>();
  model.eval();
  model.checkpoints = false;
  Tape plain({x});
  CHECK(plain.gradient(model(x).sum(), {x})[0].to_vector<float>() == got);
}
