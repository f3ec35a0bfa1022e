#pragma once
// Adam and AdamW.

#include <span>

#include "attune/optim/optimizer.h"

namespace attune::optim {

struct AdamOptions {
  double learning_rate = 1e-3;
  double beta1 = 0.9;       // how much of the mean gradient stays from step to step
  double beta2 = 0.999;     // of the mean square
  double epsilon = 1e-8;    // added to the root
  double weight_decay = 0;  // times the parameter, added to its gradient
};

// Kingma and Ba, "Adam: a method for stochastic optimization" (2015), bias corrected. Moments below
// 1e-30 become 0.
class Adam : public Optimizer {
 public:
  explicit Adam(const AdamOptions& options = {});

 protected:
  enum class Decay : uint8_t { in_gradient, decoupled };
  Adam(const char* kind, const AdamOptions& options, Decay decay);

  void begin_step() override;
  void apply(Tensor& parameter, const Tensor& grad, std::span<Tensor> state,
             const Rates& rates) override;

 private:
  double beta1_, beta2_, epsilon_;
  Decay decay_;
  double correction1_ = 0, correction2_ = 0;  // 1 / (1 - beta^step)
};

}  // namespace attune::optim
