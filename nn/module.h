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
//
// A module whose forward takes or returns something else derives from ModuleOf<itself>:
//
//   struct Cell : nn::ModuleOf<Cell> {
//     std::pair<Tensor, State> forward(const Tensor& x, const State& state);
//     ...
//   };
//
// Inside forward(), call layers as layer(x): the first call of a model then checks that fields()
// lists them all.

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "attune/nn/fields.h"
#include "attune/tensor/io/safetensors.h"
#include "attune/base/rng.h"
#include "attune/tensor/tensor.h"

namespace attune::nn {

namespace internal {
struct Watch;
}

// All that training changes in a module, for one whose type is known only as Module; where the type
// is known, a copy of the module does the same.
struct Checkpoint {
  std::vector<Tensor> tensors;  // parameters and buffers, in the order of fields()
  std::vector<Rng> streams;
};

using attune::NamedTensors;

// While it lives, all modules called on this thread behave as after eval(), whatever their mode.
class EvalScope {
 public:
  EvalScope();
  ~EvalScope();
  EvalScope(const EvalScope&) = delete;
  EvalScope& operator=(const EvalScope&) = delete;
};

// What all modules have. Derive from Module or ModuleOf instead.
class ModuleBase {
 public:
  virtual ~ModuleBase() = default;

  // Lists every parameter, buffer, random stream and child once; see fields.h. Everything below
  // follows from it. What it leaves out is not trained, saved, copied back or switched by eval().
  // The first call of a model throws ValueError if forward() calls a layer (as layer(x)) that has
  // parameters, buffers or a stream and is not listed. A tensor that forward() uses itself, or a
  // layer called by its forward(), cannot be noticed.
  virtual void fields(Fields&) {}

  // What the layer is, for summary() and messages: "Linear(64 -> 128)". By default the type's name.
  virtual std::string describe() const;

  std::vector<Tensor> parameters() const;  // each once, even if several fields hold it
  NamedTensors named_parameters() const;  // "hidden.weight": the names PyTorch gives the same layer
  std::vector<Tensor> buffers() const;
  NamedTensors named_buffers() const;
  int64_t parameter_count() const;  // elements of all parameters

  // Whether Dropout and its like behave as in training (the default). Applies to all children.
  void train(bool on = true);
  void eval() { train(false); }
  bool training() const;  // false inside an EvalScope

  Checkpoint checkpoint() const;
  void restore(const Checkpoint& saved);  // ValueError if it comes from another kind of module

  // Casts all floating parameters and buffers. DTypeError unless `dtype` is a floating type.
  void to(DType dtype);

  // A safetensors file of parameters and buffers by dotted name, as PyTorch's state_dict. Tied
  // weights are saved under each of their names; a file to load may have any of them. load() casts
  // to the module's dtypes. A missing or unknown name, another shape, tied weights that differ or a
  // value that the module's dtype cannot hold is an Error that names it and leaves the module as it
  // was. ValueError if fields() lists nothing to save.
  void save(const std::string& path) const;
  void load(const std::string& path);

 protected:
  ModuleBase() = default;
  ModuleBase(const ModuleBase&) = default;
  ModuleBase& operator=(const ModuleBase&) = default;

  // A call of forward() that is watched: the first of a model, to find layers that fields() does
  // not list, and those that summary() looks on. All others are made directly.
  class Call {
   public:
    explicit Call(ModuleBase& module);  // ValueError if no fields() of the model lists `module`
    ~Call();
    Call(const Call&) = delete;
    Call& operator=(const Call&) = delete;

    template <class T>
    void returned(const T& y) {
      add(y);
      finish();
    }

   private:
    void add(const Tensor& y);
    template <class... T>
    void add(const std::tuple<T...>& y) {
      std::apply([this](const auto&... part) { (add(part), ...); }, y);
    }
    template <class A, class B>
    void add(const std::pair<A, B>& y) {
      add(y.first);
      add(y.second);
    }
    template <class T>
    void add(const T&) {}
    void finish();

    ModuleBase& module_;
    std::unique_ptr<internal::Watch> own_;  // of an outermost call
    const ModuleBase* caller_;
    std::string shapes_;  // of the output
  };
  bool watched() const;

  bool mode() const { return training_; }  // as train() or eval() left it, whatever the scope

  static bool observed();  // summary() or a trap looks on: compute layer by layer

  // The table of summary() below; run() calls the module.
  std::string summary_of(const std::function<void()>& run) const;

 private:
  // Set by the first call, from whatever thread; a copy is of the same type and need not be checked
  // again.
  struct Flag {
    std::atomic<bool> set{false};
    Flag() = default;
    Flag(const Flag& other) noexcept : set(other.set.load(std::memory_order_relaxed)) {}
    Flag& operator=(const Flag& other) noexcept {
      set.store(other.set.load(std::memory_order_relaxed), std::memory_order_relaxed);
      return *this;
    }
  };

  bool training_ = true;
  Flag checked_;
};

// A module from one tensor to one tensor: what Sequential, nn::train and nn::predict take.
class Module : public ModuleBase {
 public:
  // Not const, because training draws random numbers and updates running statistics. In evaluation
  // mode it must leave the module as it is.
  virtual Tensor forward(const Tensor& x) = 0;

  Tensor operator()(const Tensor& x);
  // A const module predicts: forward() in evaluation mode, safe from several threads at once.
  Tensor operator()(const Tensor& x) const;

  // A table of the layers: name, kind, shape of the output for an x of `input_shape`, and number of
  // parameters; and in the last line what the forward pass takes, in bytes of tensors beside the
  // parameters, and in additions and multiplications of matrix products. Runs forward() once, in
  // evaluation mode, on zeros; step_cost() has what a training step takes.
  std::string summary(const Shape& input_shape, DType dtype = DType::f32) const;

 protected:
  Module() = default;
};

// A module with any forward(), or several, whose names it knows by itself: Self is the deriving
// class. It has all that a Module has, but does not fit into Sequential and its like.
template <class Self>
class ModuleOf : public ModuleBase {
 public:
  template <class... Args>
  decltype(auto) operator()(Args&&... args) {
    auto& self = static_cast<Self&>(*this);
    if (!watched()) return self.forward(std::forward<Args>(args)...);
    Call call(*this);
    decltype(auto) y = self.forward(std::forward<Args>(args)...);
    call.returned(y);
    return y;
  }
  template <class... Args>
  decltype(auto) operator()(Args&&... args) const {
    const EvalScope evaluating;
    return const_cast<ModuleOf&>(*this)(std::forward<Args>(args)...);
  }

  // As Module's, for the arguments of one forward().
  template <class... Args>
  std::string summary(const Args&... args) const {
    return summary_of([&] { (*this)(args...); });
  }

 protected:
  ModuleOf() = default;
};

}  // namespace attune::nn
