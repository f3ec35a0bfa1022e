// What docs/tour.md shows, in its order: a tensor, a gradient, random numbers, a module, a training
// step, a trial.

#include <attune/attune.h>

#include <iostream>

using namespace attune;

// A module lists its fields once; parameters, names, saving and copies come from that list.
struct Net : nn::Module {
  nn::Linear hidden, out;
  explicit Net(Rng& rng) : hidden(2, 16, rng), out(16, 1, rng) {}
  Tensor forward(const Tensor& x) override { return out(hidden(x).tanh()); }
  void fields(nn::Fields& f) override { f("hidden", hidden)("out", out); }
};

double train(double learning_rate, Rng rng) {
  Net net(rng);
  optim::Adam opt({.learning_rate = learning_rate});
  const Tensor x = Tensor::uniform({64, 2}, -1, 1, rng);
  const Tensor y = x.square().sum(1).unsqueeze(1);
  for (int step = 0; step < 200; ++step) {
    Tape tape(net);
    opt.update(net, tape.gradient(mse(net(x), y)));
  }
  return mse(net(x), y).item<float>();
}

int main() {
  const Tensor a({1.f, 2.f, 3.f});
  const Tensor column = a.reshape({3, 1});  // a view: the same memory
  std::cout << column * a << '\n';          // [3, 3], by broadcasting

  Tape tape({a});
  const Tensor y = a.exp().sum();
  std::cout << tape.gradient(y, {a})[0] << '\n';  // exp(a)

  Rng rng(42);
  std::cout << Tensor::randn({2}, rng) << Rng(42).fork("other").uniform() << '\n';

  tune::Study study({.sampler = tune::random(), .seed = 1});
  study.optimize(
      [](tune::Trial& trial) -> tune::Outcome {
        return train(trial.suggest_float("learning_rate", 1e-4, 1e-1, tune::log),
                     trial.rng("train"));
      },
      {.trials = 10});
  std::cout << study.best_trial().params.to_string() << ": " << study.best_trial().value << '\n';
  return study.best_trial().value < 0.05 ? 0 : 1;
}
