// A transformer that learns a text letter by letter, and goes on with it. The lesson: a language
// model is a classifier of the next letter at every place at once; the causal mask keeps each place
// from seeing what it has to guess.

#include <attune/nn.h>
#include <attune/optim.h>
#include <attune/tensor.h>

#include <algorithm>
#include <iostream>
#include <string>

using namespace attune;

const std::string kText =
    "a tensor is a value. nobody can change it while somebody else looks at it. an op takes values "
    "and returns a new one. a tape watches the ops that depend on its values, and walks them back "
    "when it is asked for a gradient. a module lists its fields once. a copy of a module is a "
    "checkpoint, and assigning the copy back restores it. a random number is a function of a key "
    "and "
    "a place, so that the same key draws the same numbers on every machine and on any number of "
    "threads. a study draws trials, reads what they report, and stops those that lead nowhere. ";

struct Model : nn::Module {
  nn::Embedding letters;
  nn::PositionalEncoding positions;
  std::vector<nn::TransformerEncoderLayer> layers;
  nn::Linear out;
  Model(int64_t alphabet, int64_t width, int64_t length, Rng& rng)
      : letters(alphabet, width, rng), positions(width, length), out(width, alphabet, rng) {
    for (int i = 0; i < 2; ++i) {
      layers.emplace_back(
          width, 4, rng,
          nn::TransformerOptions{
              .feedforward = 2 * width, .dropout = 0, .gelu = true, .norm_first = true});
    }
  }
  Tensor forward(const Tensor& x) override {  // [batch, length] -> [batch, length, alphabet]
    Tensor y = positions(letters(x));
    for (nn::TransformerEncoderLayer& layer : layers) y = layer.forward(y, {.causal = true});
    return out(y);
  }
  void fields(nn::Fields& f) override {
    f("letters", letters)("positions", positions)("layers", layers)("out", out);
  }
};

int main() {
  std::string alphabet = kText;
  std::sort(alphabet.begin(), alphabet.end());
  alphabet.erase(std::unique(alphabet.begin(), alphabet.end()), alphabet.end());
  std::vector<int64_t> codes;
  for (const char c : kText) codes.push_back(static_cast<int64_t>(alphabet.find(c)));
  const auto size = static_cast<int64_t>(codes.size()),
             classes = static_cast<int64_t>(alphabet.size());
  const Tensor text = Tensor::from(codes, {size});

  constexpr int64_t kLength = 48, kBatch = 16, kSteps = 400;
  Rng rng(1), places = rng.fork("places");
  Model model(classes, 48, kLength, rng);
  optim::AdamW adam({.learning_rate = 5e-3});
  adam.set_schedule(optim::one_cycle(kSteps));
  float loss = 0;
  for (int64_t step = 1; step <= kSteps; ++step) {
    const Tensor begin = Tensor::randint({kBatch, 1}, 0, size - kLength, places);
    const Tensor window = text[begin + Tensor::arange(0, kLength + 1)];  // [batch, length + 1]
    Tape tape(model);
    const Tensor logits = model(window.narrow(1, 0, kLength));
    const Tensor value =
        cross_entropy(logits.flatten(0, 1), window.narrow(1, 1, kLength).flatten());
    adam.update(model, tape.gradient(value));
    loss = value.item<float>();
    if (step % 50 == 0) std::cout << "step " << step << ": " << loss << " nats a letter\n";
  }

  std::vector<int64_t> said(codes.begin(), codes.begin() + 20);
  while (said.size() < 120) {  // the likeliest letter, again and again
    const auto length = std::min<int64_t>(kLength, static_cast<int64_t>(said.size()));
    const Tensor last = Tensor::from(said, {1, static_cast<int64_t>(said.size())})
                            .narrow(1, static_cast<int64_t>(said.size()) - length, length);
    said.push_back(std::as_const(model)(last)[{0, -1}].argmax().item<int64_t>());
  }
  for (const int64_t code : said) std::cout << alphabet[static_cast<size_t>(code)];
  std::cout << '\n';
  return loss < 0.3f ? 0 : 1;  // knowing only how frequent each letter is costs 2.8
}
