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

  // The same at several levels of noise, with the probability of each: for intervals.
  struct Weighted;
  static std::vector<Weighted> fit_at_noise_levels(const Question& question, const Domain& domain);

  // Of losses: lower is better.
  Estimate operator()(const Point& point) const;

  // What the model has seen of the lowest loss there is: the highest it is likely to be among the
  // points tried, less the lowest it is likely to be anywhere; likely: within `width` deviations.
  double regret_bound(double width, Rng rng) const;

  // How much higher the loss of `a` is than that of `b`, and the deviation of what is known of it:
  // both come from the same trials, so their errors are not independent.
  Estimate difference(const Point& a, const Point& b) const;

  // Draws from what the losses may be at `points` (at most a few hundred) together with `reached`:
  // how far the lowest of them is below the loss at `reached`, 0 where none is. Sorted.
  std::vector<double> possible_gains(const Point& reached, std::span<const Point> points,
                                     int64_t draws, Rng rng) const;

  double noise() const;  // deviation of one run from the next
  size_t size() const { return model_.size(); }

 private:
  Surrogate(const Domain& domain, GaussianProcess model, double center, double scale)
      : domain_(&domain), model_(std::move(model)), center_(center), scale_(scale) {}

  const Domain* domain_;
  GaussianProcess model_;
  double center_, scale_;  // loss = center + scale * the model's value
};

struct Surrogate::Weighted {
  double weight;
  Surrogate model;
};

}  // namespace attune::tune::internal
