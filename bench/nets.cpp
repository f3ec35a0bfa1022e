// One training step (forward, loss, backward, Adam) of small networks that are not perceptrons. The
// same networks, arguments and output as bench/peers/nets.py.
//   attune_nets [--target avx2] NET      NET: tiny, lenet, cnn, lstm, gru, attention, layer_norm

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <vector>

#include <attune/nn.h>
#include <attune/optim.h>
#include <attune/tensor.h>

#include "bench/target.h"

namespace {

using namespace attune;

// The last state of a recurrent layer, to classes.
template <class Layer>
struct Sequences : nn::Module {
  Layer layer;
  nn::Linear out;
  explicit Sequences(Rng& rng) : layer(32, 64, rng), out(64, 10, rng) {}
  Tensor forward(const Tensor& x) override { return out(layer(x).first[{Slice{}, -1}]); }
  void fields(nn::Fields& f) override { f("layer", layer)("out", out); }
};

// Attention of a sequence to itself with a residual and a norm, then the mean to classes.
struct Attention : nn::Module {
  nn::MultiheadAttention attention;
  nn::LayerNorm norm;
  nn::Linear out;
  explicit Attention(Rng& rng) : attention(64, 4, rng), norm({64}), out(64, 10, rng) {}
  Tensor forward(const Tensor& x) override { return out(norm(x + attention(x, x, x)).mean({1})); }
  void fields(nn::Fields& f) override { f("attention", attention)("norm", norm)("out", out); }
};

struct Net {
  std::unique_ptr<nn::Module> module;
  Shape input;
  int64_t classes = 10;
};

Net make_net(const std::string& name, Rng& rng) {
  using nn::Conv2d, nn::Flatten, nn::Linear, nn::MaxPool2d, nn::ReLU, nn::Sequential, nn::Tanh;
  if (name == "tiny") {  // SimpleChains' perceptron
    return {std::make_unique<Sequential>(Sequential{Linear(4, 32, rng), Tanh{}, Linear(32, 16, rng),
                                                    Tanh{}, Linear(16, 4, rng)}),
            {128, 4},
            4};
  }
  if (name == "lenet") {  // SimpleChains' LeNet-5
    return {std::make_unique<Sequential>(
                Sequential{Conv2d(1, 6, 5, rng), ReLU{}, MaxPool2d(2), Conv2d(6, 16, 5, rng),
                           ReLU{}, MaxPool2d(2), Flatten{}, Linear(256, 120, rng), ReLU{},
                           Linear(120, 84, rng), ReLU{}, Linear(84, 10, rng)}),
            {64, 1, 28, 28}};
  }
  if (name == "cnn") {
    return {std::make_unique<Sequential>(
                Sequential{Conv2d(1, 16, 3, rng, {.padding = 1}), ReLU{}, MaxPool2d(2),
                           Conv2d(16, 32, 3, rng, {.padding = 1}), ReLU{}, MaxPool2d(2), Flatten{},
                           Linear(1568, 10, rng)}),
            {64, 1, 28, 28}};
  }
  if (name == "lstm") return {std::make_unique<Sequences<nn::LSTM>>(rng), {32, 20, 32}};
  if (name == "gru") return {std::make_unique<Sequences<nn::GRU>>(rng), {32, 20, 32}};
  if (name == "attention") return {std::make_unique<Attention>(rng), {16, 32, 64}};
  if (name == "layer_norm") {
    return {std::make_unique<Sequential>(Sequential{Linear(64, 128, rng), nn::LayerNorm({128}),
                                                    nn::GELU{}, Linear(128, 10, rng)}),
            {64, 64}};
  }
  std::fprintf(stderr, "attune_nets: no net named '%s'\n", name.c_str());
  std::exit(2);
}

}  // namespace

int main(int argc, char** argv) {
  bench::limit_target(argc, argv);
  if (argc != 2) return std::fprintf(stderr, "usage: attune_nets NET\n"), 2;
  const ThreadScope one(1);
  Rng rng(1);
  const Net net = make_net(argv[1], rng);
  optim::Adam adam({.learning_rate = 1e-3});
  const Tensor x = Tensor::randn(net.input, rng);
  const Tensor y = Tensor::randint({net.input[0]}, 0, net.classes, rng);

  const auto step = [&] {
    Tape tape(net.module->parameters());
    const Tensor loss = nn::cross_entropy((*net.module)(x), y);
    adam.update(*net.module, tape.gradient(loss));
    return loss.item<float>();
  };
  const float first = step();
  float last = first;
  for (int i = 0; i < 10; ++i) last = step();
  std::vector<double> us;
  double total = 0;
  while (us.size() < 50 || (total < 5e5 && us.size() < 2000)) {
    const auto start = std::chrono::steady_clock::now();
    last = step();
    us.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() *
                 1e6);
    total += us.back();
  }
  std::ranges::sort(us);
  std::printf("{\"net\":\"%s\",\"step_us\":%.1f,\"least_us\":%.1f,\"loss0\":%.3f,\"lossN\":%.3f}\n",
              argv[1], us[us.size() / 2], us.front(), static_cast<double>(first),
              static_cast<double>(last));
}
