#pragma once
// Visitors shared by the sources of nn and optim.

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "attune/nn/module.h"

namespace attune::nn::internal {

// A visitor that knows where it is: dotted("weight") is "hidden.weight" inside the child "hidden".
class Named : public Fields {
 protected:
  std::string dotted(std::string_view name) const { return prefix_ + std::string(name); }

  void on_child(std::string_view name, Module& child) override {
    const size_t outer = prefix_.size();
    prefix_.append(name).push_back('.');
    child.fields(*this);
    prefix_.resize(outer);
  }

 private:
  std::string prefix_;
};

// Puts a module and all below it into training or evaluation mode, and each back as it was.
class ModeScope : Fields {
 public:
  ModeScope(Module& module, bool training) {
    remember(module);
    module.train(training);
  }
  ~ModeScope() override {
    // Parents stand before their children, and train() reaches down: the last word is the child's.
    for (const auto& [module, training] : before_) module->train(training);
  }
  ModeScope(const ModeScope&) = delete;
  ModeScope& operator=(const ModeScope&) = delete;

 private:
  void remember(Module& module) {
    before_.emplace_back(&module, module.training());
    module.fields(*this);
  }
  void on_child(std::string_view, Module& child) override { remember(child); }

  std::vector<std::pair<Module*, bool>> before_;
};

}  // namespace attune::nn::internal
