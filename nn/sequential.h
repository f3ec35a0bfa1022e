#pragma once
// Modules made of others, and Flatten.

#include <concepts>
#include <string>
#include <type_traits>
#include <vector>

#include "attune/nn/layer.h"

namespace attune::nn {

// Layers applied one after the other, named "0", "1", … as in PyTorch. In braces,
// Sequential{Linear(…, rng), ReLU{}, …}, they are constructed in the order written.
class Sequential : public Module {
 public:
  Sequential() = default;
  template <std::derived_from<Module>... Layers>
  requires(sizeof...(Layers) > 1 ||
           (!std::same_as<Layers, Sequential> && ...)) explicit Sequential(Layers... layers) {
    (add(std::move(layers)), ...);
  }

  Sequential& add(Layer layer);                    // named by its position
  Sequential& add(std::string name, Layer layer);  // ValueError if taken, empty or with a dot

  size_t size() const { return places_.size(); }
  Module& operator[](size_t i);  // IndexError
  const Module& operator[](size_t i) const;

  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override;

 private:
  struct Place {
    std::string name;
    Layer layer;
    bool with_relu = false;  // a Linear followed by a ReLU: both are computed in one pass
  };
  std::vector<Place> places_;
};

// y = x + inner(x); ShapeError unless both have the same shape. He et al., "Deep residual learning"
// (2016).
class Residual : public Module {
 public:
  explicit Residual(Layer inner) : inner_(std::move(inner)) {}
  Tensor forward(const Tensor& x) override;
  void fields(Fields& f) override { f("inner", inner_); }

 private:
  Layer inner_;
};

// Merges the axes from `begin` to `end`, both included: [batch, ...] -> [batch, product of the
// rest].
class Flatten : public Module {
 public:
  explicit Flatten(int begin = 1, int end = -1) : begin_(begin), end_(end) {}
  Tensor forward(const Tensor& x) override { return x.flatten(begin_, end_); }

 private:
  int begin_, end_;
};

}  // namespace attune::nn
