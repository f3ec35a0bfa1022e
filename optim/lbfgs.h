#pragma once
// L-BFGS.

#include <functional>
#include <utility>

#include "attune/optim/optimizer.h"

namespace attune::optim {

struct LBFGSOptions {
  double learning_rate = 1;  // times the quasi-Newton step of update()
  int history = 10;          // steps that are remembered: 1 to 20
  // Of minimize():
  int max_iterations = 100;
  double gradient_tolerance = 1e-7;  // it ends where no element of the gradient is larger,
  double change_tolerance = 1e-9;    // or step and loss change by less
};

// Newton's method with the curvature taken from the last steps: Liu and Nocedal, "On the limited
// memory BFGS method" (1989). For losses without noise: the gradients of a whole data set.
//
//   optim::LBFGS lbfgs;
//   lbfgs.update(model, grads);      // one step of fixed length, as any optimizer
//   lbfgs.minimize(model, closure);  // until it converges, each step by a line search
class LBFGS : public Optimizer {
 public:
  explicit LBFGS(const LBFGSOptions& options = {});  // ValueError for an option out of range

  // The loss and its gradients, in the order of model.parameters(), for the model as it is now.
  using Closure = std::function<std::pair<double, std::vector<Tensor>>()>;
  struct Report {
    double loss;
    int iterations, evaluations;
    bool converged;
  };
  // Moves the model's parameters to where the loss is lowest nearby, each step by a search for the
  // strong Wolfe conditions. The history is its own; update() does not see it. If the closure
  // throws, or the loss or a gradient is not finite at first (ValueError), the model is as it was.
  Report minimize(nn::ModuleBase& model, const Closure& closure) const;

 private:
  void move(std::span<const Item> items, int64_t step) override;

  LBFGSOptions options_;
};

}  // namespace attune::optim
