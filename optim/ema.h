#pragma once
// An exponential moving average of a model.

#include "attune/nn/module.h"

namespace attune::optim {

// Averages of a model's parameters and floating buffers, which often predict better than the model
// itself. A value: a copy is its checkpoint. Polyak and Juditsky (1992).
//
//   optim::Ema ema(model, 0.999);
//   adam.update(model, grads), ema.update(model);  // in each step
//   Mlp averaged = model;
//   ema.copy_to(averaged);
class Ema {
 public:
  Ema(const nn::ModuleBase& model, double decay);  // ValueError unless 0 <= decay < 1
  // average = decay * average + (1 - decay) * model; integers and streams are the model's.
  // ValueError for another kind of model.
  void update(const nn::ModuleBase& model);
  void copy_to(nn::ModuleBase& model) const;
  int64_t updates() const { return updates_; }

 private:
  nn::Checkpoint average_;
  double decay_;
  int64_t updates_ = 0;
};

}  // namespace attune::optim
