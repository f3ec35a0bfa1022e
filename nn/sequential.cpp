#include "attune/nn/sequential.h"

#include <typeinfo>

#include "attune/nn/activation.h"
#include "attune/nn/linear.h"
#include "attune/tensor/internal/check.h"

namespace attune::nn {

Sequential& Sequential::add(Layer layer) {
  return add(std::to_string(places_.size()), std::move(layer));
}

Sequential& Sequential::add(std::string name, Layer layer) {
  check<ValueError>(static_cast<bool>(layer), "Sequential: the layer '{}' was moved from", name);
  check<ValueError>(!name.empty() && name.find('.') == std::string::npos,
                    "Sequential: a layer's name must be neither empty nor contain a dot, got '{}'",
                    name);
  for (const Place& place : places_) {
    check<ValueError>(place.name != name, "Sequential: two layers named '{}'", name);
  }
  // Exactly these types: a class derived from them may compute something else.
  const auto is = [](const Layer& a_layer, const std::type_info& type) {
    const Module& module = *a_layer;
    return typeid(module) == type;
  };
  const bool fuses =
      !places_.empty() && is(places_.back().layer, typeid(Linear)) && is(layer, typeid(ReLU));
  layer->train(mode());
  places_.push_back({std::move(name), std::move(layer)});
  if (fuses) places_[places_.size() - 2].with_relu = true;
  return *this;
}

const Module& Sequential::operator[](size_t i) const {
  check<IndexError>(i < places_.size(), "Sequential: layer {} of {}", i, places_.size());
  return *places_[i].layer;
}

Module& Sequential::operator[](size_t i) { return const_cast<Module&>(std::as_const(*this)[i]); }

Tensor Sequential::forward(const Tensor& x) {
  Tensor y = x;
  for (size_t i = 0; i < places_.size(); ++i) {
    Module& layer = *places_[i].layer;
    if (places_[i].with_relu && !observed()) {
      y = static_cast<Linear&>(layer).forward(y, Activation::relu);
      ++i;
    } else {
      y = layer(y);
    }
  }
  return y;
}

void Sequential::fields(Fields& f) {
  for (const Place& place : places_) f(place.name, *place.layer);
}

Tensor Residual::forward(const Tensor& x) {
  check<ValueError>(static_cast<bool>(inner_), "Residual: the inner layer was moved from");
  const Tensor y = (*inner_)(x);
  check<ShapeError>(x.shape() == y.shape(),
                    "Residual: {} takes {} to {}; the shape must not change", inner_->describe(),
                    x.shape(), y.shape());
  return x + y;
}

}  // namespace attune::nn
