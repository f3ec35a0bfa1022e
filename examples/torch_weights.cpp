// A network trained in PyTorch, used here. The lesson: layers have PyTorch's names and layouts, so
// a state_dict saved by safetensors (examples/data/make_torch_weights.py did) loads by name, and
// what it answers is the same number. Back is module.save(path).

#include <attune/nn.h>
#include <attune/tensor.h>

#include <cmath>
#include <iostream>

using namespace attune;

int main() {
  // torch.nn.Sequential(Conv2d(1, 8, 3, padding=1), BatchNorm2d(8), ReLU(), MaxPool2d(2),
  // Flatten(),
  //                     Linear(128, 10))
  Rng rng(0);  // the weights drawn here are replaced
  nn::Sequential net{nn::Conv2d(1, 8, 3, rng, {.padding = 1}),
                     nn::BatchNorm2d(8),
                     nn::ReLU{},
                     nn::MaxPool2d(2),
                     nn::Flatten{},
                     nn::Linear(128, 10, rng)};
  net.load("examples/data/torch_digits.safetensors");
  net.eval();
  std::cout << net.summary({1, 1, 8, 8}) << '\n';

  const Tensor all = read_csv("examples/data/digits.csv").to_tensor();
  const Tensor images = (all.narrow(1, 0, 64) / 16.0).reshape({-1, 1, 8, 8}).narrow(0, 1400, 397);
  const Tensor labels = all.narrow(1, 64, 1).squeeze(1).cast(DType::i64).narrow(0, 1400, 397);
  const Tensor logits = net(images);
  const float right = logits.argmax(1).eq(labels).cast(DType::f32).mean().item<float>();

  // What PyTorch answered to the first three, and how many of the 397 it got right.
  const TensorFile torch = load_npz("examples/data/torch_digits.npz");
  const float apart = (logits.narrow(0, 0, 3) - torch.at("logits")).abs().max().item<float>();
  const float theirs = torch.at("accuracy").item<float>();
  std::cout << "accuracy " << right << ", in PyTorch " << theirs << "; logits differ by " << apart
            << '\n';
  return std::abs(right - theirs) < 1e-6f && apart < 1e-4f ? 0 : 1;
}
