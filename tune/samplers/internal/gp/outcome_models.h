#pragma once
// Gaussian processes of what trials gave: one per objective, one per constraint.

#include <span>
#include <vector>

#include "attune/tune/samplers/internal/gp/domain.h"
#include "attune/tune/samplers/internal/gp/model.h"

namespace attune::tune::internal {

// Standardised losses of one objective. Losses far above the others say little and are brought down
// (see winsorize), but none of the trials in `kept`, the front: a large loss is the price of being
// best in another objective.
std::vector<double> believable(std::vector<double> losses, const std::vector<size_t>& kept);

// A constraint's values in a scale that is finest around zero, which is what counts: the logarithm
// of the size, as in Eriksson and Poloczek, "Scalable constrained Bayesian optimization" (2021),
// here in units of the median size. Standardised; empty where all are the same.
struct ConstraintValues {
  std::vector<double> values;
  double limit;  // where zero went
};
ConstraintValues around_zero(const std::vector<double>& constraint);

// Fits models of one kind of kernel. Trials that still run count as if they had given what a model
// expects of them ("kriging believer": Ginsbourger et al., 2010), so that parallel trials keep
// apart; they are the model's last points.
class OutcomeModeler {
 public:
  // Keeps `domain` and `pending`. additive: the joint plus additive kernel, else the ANOVA kernel.
  OutcomeModeler(const Domain& domain, bool additive, std::span<const Point> pending);

  // The best by `ranks` and some of the others choose the hyperparameters.
  GaussianProcess operator()(std::vector<Point> points, std::vector<double> values,
                             const std::vector<double>& ranks) const;

 private:
  const Domain& domain_;
  std::span<const Point> pending_;
  std::shared_ptr<const Kernel> kernel_;
};

}  // namespace attune::tune::internal
