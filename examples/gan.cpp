// Two networks against each other (Goodfellow et al., 2014): one makes points, the other tells them
// from real ones, which lie on a ring. The lesson: two tapes, each watching one network. What the
// other network does is part of the record where the watched one feeds it, and a constant
// elsewhere.

#include <attune/nn.h>
#include <attune/optim.h>
#include <attune/tensor.h>

#include <iostream>
#include <numbers>

using namespace attune;

nn::Sequential network(int64_t in, int64_t out, Rng& rng) {
  return nn::Sequential{nn::Linear(in, 64, rng), nn::LeakyReLU(0.2), nn::Linear(64, 64, rng),
                        nn::LeakyReLU(0.2), nn::Linear(64, out, rng)};
}

Tensor ring(int64_t count, Rng& rng) {  // [count, 2], at a distance of 1, more or less
  const Tensor angle = Tensor::uniform({count}, 0, 2 * std::numbers::pi, rng);
  return stack({angle.cos(), angle.sin()}, 1) + Tensor::randn({count, 2}, rng) * 0.05;
}

int main() {
  Rng rng(1), noise = rng.fork("noise");
  nn::Sequential generator = network(4, 2, rng), critic = network(2, 1, rng);
  optim::Adam makes({.learning_rate = 1e-3, .beta1 = 0.5}),
      tells({.learning_rate = 2e-3, .beta1 = 0.5});
  optim::Ema average(generator, 0.99);  // the two circle around each other: the mean is steadier
  constexpr int64_t kBatch = 128;
  const Tensor yes = Tensor::full({kBatch, 1}, 0.9), no = Tensor::zeros({kBatch, 1});

  for (int step = 1; step <= 1500; ++step) {
    const Tensor z = Tensor::randn({kBatch, 4}, noise);
    {
      const Tensor real = ring(kBatch, noise), made = generator(z);  // no tape: constants
      Tape tape(critic);
      tells.update(critic, tape.gradient(bce_with_logits(critic(real), yes) +
                                         bce_with_logits(critic(made), no)));
    }
    Tape tape(generator);
    makes.update(generator, tape.gradient(bce_with_logits(critic(generator(z)), yes)));
    average.update(generator);
  }

  average.copy_to(generator);
  const Tensor points = generator(Tensor::randn({2000, 4}, noise));
  const Tensor radius = points.norm(1);
  const float mean = radius.mean().item<float>(), spread = radius.std().item<float>();
  // How evenly the ring is covered: the share of the emptiest of 8 directions, 1/8 at best.
  const Tensor x = points.narrow(1, 0, 1).squeeze(1), y = points.narrow(1, 1, 1).squeeze(1);
  const Tensor octant =
      ((y.atan2(x) + std::numbers::pi) * (4 / std::numbers::pi)).cast(DType::i64).clamp(0, 7);
  const float emptiest = octant.one_hot(8).mean({0}).min().item<float>();
  std::cout << "radius " << mean << " +- " << spread << ", emptiest direction " << emptiest << '\n';
  return mean > 0.85f && mean < 1.15f && spread < 0.25f && emptiest > 0.02f ? 0 : 1;
}
