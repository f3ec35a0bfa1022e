#pragma once
// The base of optimizers that move every element by itself: SGD, Adam and their like. Such a class
// is its settings, the names of its state and a formula; CONTRIBUTING.md shows one being added.

#include "attune/optim/optimizer.h"

namespace attune::optim {

struct Part;  // of a parameter, with its gradient and state: optim/internal/part.h

class FormulaOptimizer : public Optimizer {
 protected:
  enum class Decay : uint8_t {
    coupled,    // the gradient gains weight_decay * parameter
    decoupled,  // the parameter is first multiplied by 1 - learning_rate * weight_decay
  };

  FormulaOptimizer(const char* kind, std::vector<const char*> slots, double learning_rate,
                   double weight_decay, Decay decay = Decay::coupled);

  // Computes what depends on nothing but the number of the step, counted from 1. Must not throw.
  virtual void begin_step(int64_t) {}
  // Moves some elements of one parameter, by move_by() of optim/internal/formula-inl.h. Called from
  // several threads at once. Must not throw.
  virtual void move_part(const Part& part) const = 0;

 private:
  void move(std::span<const Item> items, int64_t step) final;

  Decay decay_;
};

}  // namespace attune::optim
