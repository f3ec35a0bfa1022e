// A program that uses nothing of attune but its tensors.

#include <attune/tensor.h>

#include <iostream>

using namespace attune;

int main() {
  const Tensor a({{1.f, 2.f}, {3.f, 4.f}});
  Tape tape({a});
  const Tensor loss = (a.matmul(a) * a).sum();
  const float slope = tape.gradient(loss, {a})[0].sum().item<float>();
  std::cout << "loss " << loss.item<float>() << ", slope " << slope << '\n';
  return loss.item<float>() == 160.f ? 0 : 1;
}
