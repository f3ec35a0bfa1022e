// A variational autoencoder of handwritten digits (Kingma and Welling, 2013). The lesson: a random
// number inside a model is an input like any other: z = mean + deviation * noise has a gradient in
// mean and deviation, and the noise comes from an Rng that the loop owns. The loss is a bound on
// how surprising the images are, and it falls.

#include <attune/nn.h>
#include <attune/optim.h>
#include <attune/tensor.h>

#include <iostream>

using namespace attune;

struct Vae : nn::ModuleOf<Vae> {
  nn::Linear in, mean, log_variance, hidden, out;
  explicit Vae(Rng& rng)
      : in(64, 128, rng),
        mean(128, 8, rng),
        log_variance(128, 8, rng),
        hidden(8, 128, rng),
        out(128, 64, rng) {}
  Tensor decode(const Tensor& z) { return out(hidden(z).relu()); }  // logits of the pixels
  // The bound, in nats an image: what the image costs given z, and z against N(0, 1).
  Tensor forward(const Tensor& x, Rng& noise) {
    const Tensor h = in(x).relu(), mu = mean(h), log_var = log_variance(h);
    const Tensor z = mu + (log_var * 0.5).exp() * Tensor::randn(mu.shape(), noise);
    const Tensor pixels = bce_with_logits(decode(z), x, Reduction::sum);
    const Tensor distance = (mu.square() + log_var.exp() - 1.0 - log_var).sum() * 0.5;
    return (pixels + distance) / static_cast<double>(x.size(0));
  }
  void fields(nn::Fields& f) override {
    f("in", in)("mean", mean)("log_variance", log_variance)("hidden", hidden)("out", out);
  }
};

int main() {
  const Tensor table = read_csv("examples/data/digits.csv").to_tensor();
  const Tensor pixels = table.narrow(1, 0, 64) / 16.0, labels = table.narrow(1, 64, 1);
  Rng rng(1), noise = rng.fork("noise");
  Vae vae(rng);
  optim::Adam adam({.learning_rate = 3e-3});
  nn::Loader loader({pixels, labels}, {.batch_size = 64, .shuffle = rng.fork("order")});
  float first = 0, bound = 0;
  for (int epoch = 1; epoch <= 25; ++epoch) {
    float sum = 0;
    for (const auto& [x, y] : loader) {
      Tape tape(vae);
      const Tensor loss = vae(x, noise);
      adam.update(vae, tape.gradient(loss));
      sum += loss.item<float>();
    }
    bound = sum / static_cast<float>(loader.batches());
    if (epoch == 1) first = bound;
    if (epoch % 5 == 0) std::cout << "epoch " << epoch << ": " << bound << " nats an image\n";
  }

  const Tensor image = vae.decode(Tensor::randn({1, 8}, noise)).sigmoid().reshape({8, 8});
  for (int64_t i = 0; i < 8; ++i) {  // a digit that nobody wrote
    for (int64_t j = 0; j < 8; ++j)
      std::cout << " .:oO#"[static_cast<int>(image[{i, j}].item<float>() * 5.99f)];
    std::cout << '\n';
  }
  return bound < 0.8f * first && bound < 30 ? 0 : 1;
}
