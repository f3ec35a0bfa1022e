// A pole balanced on a cart, by policy gradients (REINFORCE: Williams, 1992). The lesson: where a
// reward has no derivative, the logarithm of the probability of what was done has one: weigh it by
// how much better than usual that turned out. 32 carts at once make one batch.

#include <attune/nn.h>
#include <attune/optim.h>
#include <attune/tensor.h>

#include <cmath>
#include <iostream>

using namespace attune;

// Barto, Sutton and Anderson (1983): state [carts, 4] is position, speed, angle, angular speed.
Tensor step(const Tensor& state, const Tensor& action) {
  const auto column = [&](int64_t i) { return state[{ellipsis, i}]; };
  const Tensor force = action.cast(DType::f32) * 20.0 - 10.0;
  const Tensor angle = column(2), cos = angle.cos(), sin = angle.sin();
  const Tensor push = (force + column(3).square() * sin * 0.05) / 1.1;
  const Tensor turn = (sin * 9.8 - cos * push) / (4.0 / 3 - cos.square() * (0.1 / 1.1)) / 0.5;
  const Tensor pull = push - turn * cos * (0.05 / 1.1);
  const double dt = 0.02;
  return stack({column(0) + column(1) * dt, column(1) + pull * dt, angle + column(3) * dt,
                column(3) + turn * dt},
               1);
}

struct Episodes {
  Tensor states, actions, alive;  // [steps, carts, 4], and twice [steps, carts]
  double mean_steps;
};

Episodes play(const nn::Sequential& policy, int64_t carts, int64_t limit, Rng& rng) {
  std::vector<Tensor> states, actions, alive;
  Tensor state = Tensor::uniform({carts, 4}, -0.05, 0.05, rng), up = Tensor::ones({carts});
  while (std::ssize(states) < limit && up.any().item<bool>()) {
    const Tensor chances = policy(state).softmax(1);
    const Tensor action = Tensor::multinomial(chances, 1, rng).squeeze(1);
    states.push_back(state), actions.push_back(action), alive.push_back(up);
    state = step(state, action);
    const Tensor stands =
        state[{ellipsis, 0}].abs().lt(2.4).logical_and(state[{ellipsis, 2}].abs().lt(0.21));
    up = up * stands.cast(DType::f32);
  }
  const Tensor counted = stack(alive);
  return {stack(states), stack(actions), counted,
          counted.sum().item<float>() / static_cast<double>(carts)};
}

int main() {
  constexpr int64_t kCarts = 32, kLimit = 200;
  Rng rng(1), chance = rng.fork("chance");
  nn::Sequential policy{nn::Linear(4, 32, rng), nn::Tanh{}, nn::Linear(32, 2, rng)};
  optim::Adam adam({.learning_rate = 2e-2});
  double steps = 0;
  for (int round = 1; round <= 60 && steps < 190; ++round) {
    const Episodes e = play(policy, kCarts, kLimit, chance);
    steps = e.mean_steps;
    // The reward from a step on is how long the pole still stands; the baseline is its mean then.
    const Tensor to_go = e.alive.flip({0}).cumsum(0).flip({0});
    const Tensor count = e.alive.sum({1}, keep_dims);
    const Tensor usual = to_go.sum({1}, keep_dims) / count;
    const Tensor better = (to_go - usual) * e.alive;
    const Tensor scale = better / (better.std() + 1e-6);
    Tape tape(policy);
    const Tensor log_chance = policy(e.states).log_softmax(-1);
    const Tensor done = log_chance.gather(-1, e.actions.unsqueeze(-1)).squeeze(-1);
    adam.update(policy, tape.gradient((done * scale).sum() / e.alive.sum() * -1.0));
    if (round % 10 == 0) std::cout << "round " << round << ": " << steps << " steps\n";
  }
  const double final = play(policy, 100, kLimit, chance).mean_steps;
  std::cout << "in the end " << final << " of 200 steps\n";
  return final > 150 ? 0 : 1;
}
