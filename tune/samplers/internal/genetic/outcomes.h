#pragma once
// What finished trials gave, where a loss alone does not say it: losses of several objectives, and
// constraints.

#include <string>
#include <vector>

#include "attune/tune/internal/math/nondominated.h"
#include "attune/tune/samplers/internal/gp/evidence.h"

namespace attune::tune::internal {

struct Outcomes {
  std::vector<Point> points;
  std::vector<Losses> losses;  // per point one per objective, all finite
  std::vector<double> violations;
  // Per constraint one value per point; NaN where the trial has none of that name.
  std::vector<std::vector<double>> constraints;

  // The feasible points that no other feasible one dominates.
  std::vector<size_t> front() const;
};

// Of the evidence's trials those whose losses are all finite.
Outcomes collect_outcomes(const Question& question, const Evidence& evidence);

// Deb's order of constrained domination (2002) as one number per trial, from 0 up: the fronts of
// the feasible ones, then the others by their violation.
std::vector<double> constrained_ranks(const std::vector<Losses>& losses,
                                      const std::vector<double>& violations);

}  // namespace attune::tune::internal
