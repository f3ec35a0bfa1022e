#pragma once
// The model of a study's losses in the losses' own units: bayesian()'s evidence and Gaussian
// process, with its standardisation undone.

#include <memory>
#include <optional>
#include <span>

#include "attune/tune/analysis/predict.h"
#include "attune/tune/sampler.h"
#include "attune/tune/samplers/internal/gp/domain.h"
#include "attune/tune/samplers/internal/gp/model.h"

namespace attune::tune::internal {

class Surrogate {
 public:
  // Nothing with fewer than two believable losses, or no parameters. `domain` must outlive it.
  static std::optional<Surrogate> fit(const Question& question, const Domain& domain);

  // Of losses: lower is better.
  Estimate operator()(const Point& point) const;

  // What the model has seen of the lowest loss there is: the highest it is likely to be among the
  // points tried, less the lowest it is likely to be anywhere; likely: within `width` deviations.
  double regret_bound(double width, Rng rng) const;

  double noise() const;  // deviation of one run from the next
  size_t size() const { return model_.size(); }

 private:
  Surrogate(const Domain& domain, GaussianProcess model, double center, double scale)
      : domain_(&domain), model_(std::move(model)), center_(center), scale_(scale) {}

  const Domain* domain_;
  GaussianProcess model_;
  double center_, scale_;  // loss = center + scale * the model's value
};

}  // namespace attune::tune::internal
