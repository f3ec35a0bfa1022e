#pragma once
// Gradients. A Tape records, on this thread, what depends on the tensors it watches; gradient()
// walks the record backwards (reverse-mode differentiation, Linnainmaa 1970).

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "attune/base/error.h"
#include "attune/tensor/tensor.h"

namespace attune {

namespace internal {
struct Record;
class Trap;
}  // namespace internal

// An op made the first NaN or Inf of a recorded computation, under Tape's trap.
class NonFinite : public Error {
 public:
  NonFinite(std::string op, std::string layer, bool in_gradient, const std::string& cause)
      : Error("tape: " + cause + (layer.empty() ? "" : " (in layer " + layer + ")")),
        op_(std::move(op)),
        layer_(std::move(layer)),
        cause_(cause),
        in_gradient_(in_gradient) {}

  const std::string& op() const { return op_; }        // as docs/ops.md names it
  const std::string& layer() const { return layer_; }  // dotted name; empty: in none but the model
  bool in_gradient() const { return in_gradient_; }    // else in the forward pass
  const std::string& cause() const { return cause_; }  // what() without the layer

 private:
  std::string op_, layer_, cause_;
  bool in_gradient_;
};

struct TapeOptions {
  bool trap_nonfinite = false;
};

// Records from construction until destruction, or until gradient() has consumed the record. Tapes
// nest: what an inner tape's gradient() computes is itself recorded by the tapes around it, which
// gives gradients of gradients. A tensor used after its tape is gone is a constant.
//
// With {.trap_nonfinite = true} the op that makes the first NaN or Inf throws NonFinite, in the
// forward pass or in gradient(), with the layer of the model that called it. For finding out why a
// training diverged; every op then takes another look at its result.
//
// A tape belongs to the thread that opened it: gradient() throws Error on any other.
class Tape {
 public:
  explicit Tape(std::span<const Tensor> watched);
  Tape(std::initializer_list<Tensor> watched)
      : Tape(std::span<const Tensor>(watched.begin(), watched.size())) {}
  // Watches the parameters of a model: of anything that has parameters().
  template <class Model, class = decltype(std::declval<const Model&>().parameters())>
  explicit Tape(const Model& model) : Tape(std::span<const Tensor>(model.parameters())) {}
  Tape(std::span<const Tensor> watched, const TapeOptions& options);
  Tape(std::initializer_list<Tensor> watched, const TapeOptions& options)
      : Tape(std::span<const Tensor>(watched.begin(), watched.size()), options) {}
  template <class Model, class = decltype(std::declval<const Model&>().parameters())>
  Tape(const Model& model, const TapeOptions& options)
      : Tape(std::span<const Tensor>(model.parameters()), options) {}
  // Watches nothing: its options hold for all tapes of this thread while it lives, those that are
  // opened inside a training loop among them.
  explicit Tape(const TapeOptions& options);
  ~Tape();
  Tape(const Tape&) = delete;
  Tape& operator=(const Tape&) = delete;

  // d loss / d target for each target, zeros where loss does not depend on it. `loss` must have one
  // element (ShapeError). A tape that no other open tape shares its record with consumes the record
  // and stops recording: call gradient() once, with all targets (Error on a second call). A nested
  // tape may be asked again.
  std::vector<Tensor> gradient(const Tensor& loss, std::span<const Tensor> targets);
  std::vector<Tensor> gradient(const Tensor& loss, std::initializer_list<Tensor> targets) {
    return gradient(loss, std::span<const Tensor>(targets.begin(), targets.size()));
  }
  // The same for everything this tape watches, in its order. An optimizer changes parameters in
  // place only while nobody else holds them; this overload keeps no list of them, so it may stand
  // inside the call: optimizer.update(model, tape.gradient(loss)).
  std::vector<Tensor> gradient(const Tensor& loss);

 private:
  void close();

  std::shared_ptr<internal::Record> record_;  // shared with the tapes around it; null once consumed
  uint64_t thread_;                           // that opened it
  uint64_t serial_;                           // among the tapes of that thread
  std::unique_ptr<internal::Trap> trap_;      // while it traps
};

// Pauses recording on this thread: what is computed while it lives is a constant to the tapes
// around it. A tape opened inside records as usual, for itself.
class NoGradScope {
 public:
  NoGradScope();
  ~NoGradScope();
  NoGradScope(const NoGradScope&) = delete;
  NoGradScope& operator=(const NoGradScope&) = delete;

 private:
  uint64_t serial_;
};

using TensorFunction = std::function<Tensor(std::span<const Tensor>)>;

// f(params) and its gradient with respect to each of them; f must return one element. A tensor that
// stands twice in `params` is two parameters, each with its own partial derivative.
std::pair<Tensor, std::vector<Tensor>> value_and_grad(const TensorFunction& f,
                                                      std::span<const Tensor> params);

// y = forward(inputs), with a gradient of your own: vjp(inputs, y, dy) returns one tensor per
// input, of its shape and dtype, or undefined where none is wanted. Written in ops, it can be
// differentiated again.
using Vjp = std::function<std::vector<Tensor>(std::span<const Tensor> inputs, const Tensor& y,
                                              const Tensor& dy)>;
Tensor custom_gradient(const TensorFunction& forward, Vjp vjp, std::span<const Tensor> inputs);

// The largest error of f's gradients against central differences, |a - b| / max(1, |a|, |b|), over
// all elements of all inputs, which must be f64. f may return any shape: its elements are weighted
// with fixed random numbers. About 1e-9 where all is well; above 1e-6, or NaN, something is wrong.
double gradcheck(const TensorFunction& f, std::span<const Tensor> inputs, double step = 1e-5);

}  // namespace attune
