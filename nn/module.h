#pragma once
// Module: a layer or a whole model, as a value. Copying one copies handles, so a copy is a
// checkpoint: weights are shared until one side changes them, and assigning the copy back restores.
//
//   struct Mlp : nn::Module {
//     nn::Linear hidden, out;
//     explicit Mlp(Rng& rng) : hidden(64, 128, rng), out(128, 10, rng) {}
//     Tensor forward(const Tensor& x) override { return out(hidden(x).relu()); }
//     void fields(nn::Fields& f) override { f("hidden", hidden)("out", out); }
//   };

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/tensor/rng.h"
#include "attune/tensor/tensor.h"

namespace attune::nn {

class Module;

// Goes through a module's fields in the order fields() names them. Names are passed along, never
// put together, so that a visit costs a few calls; whoever needs dotted names builds them.
class Fields {
 public:
  virtual ~Fields() = default;

  Fields& operator()(std::string_view name, Tensor& parameter);  // skipped while undefined
  Fields& operator()(std::string_view name, Module& child);
  Fields& buffer(std::string_view name, Tensor& buffer);  // saved, not trained
  Fields& stream(std::string_view name, Rng& rng);        // random numbers drawn by forward()

 protected:
  virtual void on_parameter(std::string_view, Tensor&) {}
  virtual void on_buffer(std::string_view, Tensor&) {}
  virtual void on_stream(std::string_view, Rng&) {}
  virtual void on_child(std::string_view name, Module& child);  // visits the child's fields
};

// All that training changes in a module, for one whose type is known only as Module; where the type
// is known, a copy of the module does the same.
struct Checkpoint {
  std::vector<Tensor> tensors;  // parameters and buffers, in the order of fields()
  std::vector<Rng> streams;
};

using NamedTensors = std::vector<std::pair<std::string, Tensor>>;

class Module {
 public:
  virtual ~Module() = default;

  virtual Tensor forward(const Tensor& x) = 0;
  Tensor operator()(const Tensor& x);

  // Names every parameter, buffer and child once. All that follows comes from it.
  virtual void fields(Fields&) {}

  // What the layer is, for summary(): "Linear(64 -> 128)". By default the name of the type.
  virtual std::string describe() const;

  std::vector<Tensor> parameters() const;
  NamedTensors named_parameters() const;  // "hidden.weight": the names PyTorch gives the same layer
  std::vector<Tensor> buffers() const;
  NamedTensors named_buffers() const;
  int64_t parameter_count() const;  // elements of all parameters

  // Whether Dropout and its like behave as in training (the default); children follow.
  void train(bool on = true);
  void eval() { train(false); }
  bool training() const { return training_; }

  Checkpoint checkpoint() const;
  void restore(const Checkpoint& saved);  // ValueError if it comes from another kind of module

  // Casts all floating parameters and buffers.
  void to(DType dtype);

  // A safetensors file of parameters and buffers by dotted name, as PyTorch's state_dict. load()
  // casts to the module's dtypes; a missing or unknown name or another shape is an Error that
  // names it and leaves the module as it was.
  void save(const std::string& path) const;
  void load(const std::string& path);

  // A table of the layers: name, kind, shape of what they give for an x of `input_shape`, and
  // number of parameters. Runs forward() once, in evaluation mode, on zeros.
  std::string summary(const Shape& input_shape, DType dtype = DType::f32);

 protected:
  Module() = default;
  Module(const Module&) = default;
  Module& operator=(const Module&) = default;

  static bool observed();  // summary() is listening: compute layer by layer

 private:
  bool training_ = true;
};

inline Fields& Fields::operator()(std::string_view name, Tensor& parameter) {
  if (parameter.defined()) on_parameter(name, parameter);
  return *this;
}
inline Fields& Fields::operator()(std::string_view name, Module& child) {
  on_child(name, child);
  return *this;
}
inline Fields& Fields::buffer(std::string_view name, Tensor& buffer) {
  if (buffer.defined()) on_buffer(name, buffer);
  return *this;
}
inline Fields& Fields::stream(std::string_view name, Rng& rng) {
  on_stream(name, rng);
  return *this;
}

}  // namespace attune::nn
