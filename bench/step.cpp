// One training step of a ReLU perceptron (softmax cross-entropy, Adam) as a user of attune writes
// it. The same work, arguments and output as floor.cpp.
//   attune_step [--target avx2] BATCH IN HIDDEN… OUT

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <attune/nn.h>
#include <attune/optim.h>
#include <attune/tensor.h>

#include "bench/target.h"

int main(int argc, char** argv) {
  using namespace attune;
  bench::limit_target(argc, argv);
  if (argc < 4) return std::fprintf(stderr, "usage: attune_step BATCH IN HIDDEN... OUT\n"), 2;
  const ThreadScope one(1);
  const int64_t batch = std::atoll(argv[1]);
  std::vector<int64_t> sizes;
  for (int i = 2; i < argc; ++i) sizes.push_back(std::atoll(argv[i]));

  Rng rng(1);
  nn::Sequential net;
  for (size_t i = 0; i + 1 < sizes.size(); ++i) {
    if (i > 0) net.add(nn::ReLU{});
    net.add(nn::Linear(sizes[i], sizes[i + 1], rng));
  }
  optim::Adam adam({.learning_rate = 1e-3});
  const Tensor x = Tensor::randn({batch, sizes.front()}, rng);
  const Tensor y = Tensor::randint({batch}, 0, sizes.back(), rng);

  const auto step = [&] {
    Tape tape(net.parameters());
    const Tensor loss = nn::cross_entropy(net(x), y);
    adam.update(net, tape.gradient(loss));
    return loss.item<float>();
  };

  const float first = step();
  float last = first;
  std::vector<double> us;
  for (int i = 0; i < 400; ++i) {
    const auto start = std::chrono::steady_clock::now();
    last = step();
    us.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() *
                 1e6);
  }
  std::ranges::sort(us);
  std::printf("{\"batch\":%ld,\"step_us\":%.1f,\"loss0\":%.3f,\"lossN\":%.3f}\n",
              static_cast<long>(batch), us[us.size() / 2], static_cast<double>(first),
              static_cast<double>(last));
}
