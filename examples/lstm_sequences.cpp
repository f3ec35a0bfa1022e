// An LSTM that must remember: of 30 numbers two are marked, and their sum is asked for at the end
// (the adding problem of Hochreiter and Schmidhuber, 1997). The lesson: the state is what forward()
// returns beside the outputs, gradients through time want clipping, and a baseline says what a loss
// means: always answering 1 costs 0.167.

#include <attune/nn.h>
#include <attune/optim.h>
#include <attune/tensor.h>

#include <iostream>

using namespace attune;

struct Adder : nn::Module {
  nn::LSTM lstm;
  nn::Linear out;
  explicit Adder(Rng& rng) : lstm(2, 32, rng), out(32, 1, rng) {}
  Tensor forward(const Tensor& x) override {  // [batch, length, 2] -> [batch]
    const auto [y, state] = lstm(x);
    return out(y[{ellipsis, -1, Slice{}}]).squeeze(1);
  }
  void fields(nn::Fields& f) override { f("lstm", lstm)("out", out); }
};

// Numbers in [0, 1), one marked in either half, and the sums of those two.
nn::Dataset sequences(int64_t batch, int64_t length, Rng& rng) {
  const Tensor numbers = Tensor::rand({batch, length}, rng);
  const Tensor first = Tensor::randint({batch}, 0, length / 2, rng).one_hot(length);
  const Tensor second = Tensor::randint({batch}, length / 2, length, rng).one_hot(length);
  const Tensor marks = first + second;
  return {stack({numbers, marks}, 2), (numbers * marks).sum(1)};
}

int main() {
  constexpr int64_t kLength = 30;
  Rng rng(1), data = rng.fork("data");
  Adder model(rng);
  const nn::Dataset test = sequences(500, kLength, data);
  std::cout << "always 1: " << mse(Tensor::ones({500}), test.y).item<float>() << '\n';

  optim::Adam adam({.learning_rate = 5e-3});
  double loss = 1;
  for (int step = 1; step <= 1500 && loss > 0.003; ++step) {
    const auto [x, y] = sequences(64, kLength, data);
    Tape tape(model);
    std::vector<Tensor> grads = tape.gradient(mse(model(x), y));
    optim::clip_grad_norm(grads, 1);
    adam.update(model, grads);
    if (step % 100 == 0) {
      loss = mse(std::as_const(model)(test.x), test.y).item<float>();
      std::cout << "step " << step << ": " << loss << '\n';
    }
  }
  return loss < 0.01 ? 0 : 1;
}
