#pragma once
// Gradients. A Tape records, on this thread, what depends on the tensors it watches; gradient()
// walks the record backwards (reverse-mode differentiation, Linnainmaa 1970).

#include <functional>
#include <span>
#include <utility>
#include <vector>

#include "attune/tensor/tensor.h"

namespace attune {

// Records from its making until it goes. Tapes nest: inside an outer tape the inner one's
// gradient() is itself recorded, which gives gradients of gradients. A tensor used after its tape
// has gone is a constant.
class Tape {
 public:
  explicit Tape(std::span<const Tensor> watched);
  Tape(std::initializer_list<Tensor> watched)
      : Tape(std::span<const Tensor>(watched.begin(), watched.size())) {}
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // d loss / d target for each target, zeros where loss does not depend on it. `loss` must have one
  // element (ShapeError). The outermost tape frees its record as it goes, so ask it once, for all
  // (Error on a second call); an inner tape may be asked again.
  std::vector<Tensor> gradient(const Tensor& loss, std::span<const Tensor> targets);
  std::vector<Tensor> gradient(const Tensor& loss, std::initializer_list<Tensor> targets) {
    return gradient(loss, std::span<const Tensor>(targets.begin(), targets.size()));
  }
  // The same for all that this tape watches, in its order. An optimizer changes parameters in place
  // only while nobody else holds them, so this may stand inside its call, where a list of them may
  // not: optimizer.update(model, tape.gradient(loss)).
  std::vector<Tensor> gradient(const Tensor& loss);

 private:
  size_t outer_leaves_;
};

using TensorFunction = std::function<Tensor(std::span<const Tensor>)>;

// f(params) and its gradient with respect to each of them; f must give one element.
std::pair<Tensor, std::vector<Tensor>> value_and_grad(const TensorFunction& f,
                                                      std::span<const Tensor> params);

// y = forward(inputs), with a gradient of your own: vjp(inputs, y, dy) gives one tensor per input,
// undefined where none is wanted. Written in ops, it can be differentiated again.
using Vjp = std::function<std::vector<Tensor>(std::span<const Tensor> inputs, const Tensor& y,
                                              const Tensor& dy)>;
Tensor custom_gradient(const TensorFunction& forward, Vjp vjp, std::span<const Tensor> inputs);

// The largest error of f's gradients against central differences, |a - b| / max(1, |a|, |b|), over
// all elements of all inputs, which must be f64. f may give any shape: its elements are weighted
// with fixed random numbers. About 1e-9 where all is well; above 1e-6 something is wrong.
double gradcheck(const TensorFunction& f, std::span<const Tensor> inputs, double step = 1e-5);

}  // namespace attune
