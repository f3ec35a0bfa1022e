// A program outside attune's tree: a product, a gradient and a small study, each checked.

#include <attune/attune.h>

#include <cmath>
#include <iostream>

using namespace attune;

int main() {
  Tensor a({{1.f, 2.f}, {3.f, 4.f}});
  const float sum = a.matmul(a).sum().item<float>();

  Tape tape({a});
  const Tensor gradient = tape.gradient((a * a).sum(), {a})[0];
  const float slope = gradient.sum().item<float>();

  tune::Study study({.direction = tune::minimize, .sampler = tune::random(), .seed = 7});
  study.optimize(
      [](tune::Trial& trial) -> tune::Outcome {
        const double x = trial.suggest_float("x", -1.0, 1.0);
        return x * x;
      },
      {.trials = 20});
  const double best = study.best_trial().value;

  std::cout << "sum " << sum << ", slope " << slope << ", best " << best << '\n';
  return sum == 54.f && slope == 20.f && best < 0.25 ? 0 : 1;
}
