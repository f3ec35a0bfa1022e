// A convolutional network on handwritten digits. The lesson: three things that cost a line each and
// are worth half a percent each: batch norm, dropout before the last layer, and a learning rate
// that rises and falls. (Images that are moved a little, by the Loader's .transform, are worth more
// on larger ones: these are cut out so tightly that it hurts.) The test part is opened once.

#include <attune/nn.h>
#include <attune/optim.h>
#include <attune/tensor.h>

#include <iostream>

using namespace attune;

struct Net : nn::Module {
  nn::Conv2d conv1, conv2;
  nn::BatchNorm2d norm1{32}, norm2{64};
  nn::Dropout dropout;
  nn::Linear out;
  explicit Net(Rng& rng)
      : conv1(1, 32, 3, rng, {.padding = 1}),
        conv2(32, 64, 3, rng, {.padding = 1}),
        dropout(0.5, rng),
        out(64 * 2 * 2, 10, rng) {}
  Tensor forward(const Tensor& x) override {  // [batch, 1, 8, 8] -> [batch, 10]
    Tensor y = norm1(conv1(x)).relu().max_pool2d(2);
    y = norm2(conv2(y)).relu().max_pool2d(2);
    return out(dropout(y.flatten(1)));
  }
  void fields(nn::Fields& f) override {
    f("conv1", conv1)("norm1", norm1)("conv2", conv2)("norm2", norm2)("dropout", dropout)("out",
                                                                                          out);
  }
};

double accuracy(const Net& net, const nn::Dataset& data) {
  return net(data.x).argmax(1).eq(data.y).cast(DType::f32).mean().item<float>();
}

int main() {
  const Tensor all = read_csv("examples/data/digits.csv").to_tensor();
  const Tensor images = (all.narrow(1, 0, 64) / 16.0).reshape({-1, 1, 8, 8});
  const Tensor labels = all.narrow(1, 64, 1).squeeze(1).cast(DType::i64);
  Rng rng(3);
  nn::Split parts =
      nn::split({images, labels}, {.validation = 0.1, .test = 0.2, .stratify = true}, rng);

  Net net(rng);
  nn::Loader loader(parts.train, {.batch_size = 32, .shuffle = rng.fork("order"), .workers = 1});
  constexpr int kEpochs = 20;
  optim::AdamW adam({.learning_rate = 1e-2, .weight_decay = 1e-2});
  adam.set_schedule(optim::one_cycle(kEpochs * loader.batches()));
  for (int epoch = 1; epoch <= kEpochs; ++epoch) {
    for (const auto& [x, y] : loader) {
      Tape tape(net);
      adam.update(net, tape.gradient(cross_entropy(net(x), y)));
    }
    std::cout << "epoch " << epoch << ": " << accuracy(net, parts.validation) << '\n';
  }
  const double test = accuracy(net, parts.test.open());
  std::cout << "test: " << test << '\n';
  return test >= 0.985 ? 0 : 1;
}
