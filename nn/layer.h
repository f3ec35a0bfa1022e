#pragma once
// Layer: a module of any type from one tensor to one tensor, held by value. Sequential is made of
// them.

#include <concepts>
#include <memory>
#include <utility>

#include "attune/nn/module.h"

namespace attune::nn {

class Layer {
 public:
  template <std::derived_from<Module> M>
  Layer(M module)  // NOLINT(google-explicit-constructor): Sequential{nn::ReLU{}}
      : module_(std::make_unique<M>(std::move(module))),
        clone_([](const Module& m) -> std::unique_ptr<Module> {
          return std::make_unique<M>(static_cast<const M&>(m));
        }) {}

  Layer(const Layer& other)
      : module_(other ? other.clone_(*other.module_) : nullptr), clone_(other.clone_) {}
  Layer(Layer&&) noexcept = default;
  Layer& operator=(Layer other) noexcept {
    std::swap(module_, other.module_);
    std::swap(clone_, other.clone_);
    return *this;
  }
  ~Layer() = default;

  explicit operator bool() const { return module_ != nullptr; }  // false once moved from
  Module& operator*() const { return *module_; }
  Module* operator->() const { return module_.get(); }

 private:
  std::unique_ptr<Module> module_;
  std::unique_ptr<Module> (*clone_)(const Module&);
};

}  // namespace attune::nn
