#pragma once
// Where trials fail: a Gaussian process of +1 for a failed trial and -1 for another, as one more
// constraint (see feasibility.h) that is kept below zero. Failures in one region keep the search
// out of it; failures by chance become the model's noise and hold it back nowhere.

#include <optional>
#include <span>

#include "attune/tune/samplers/internal/gp/model.h"

namespace attune::tune::internal {

struct FailureModel {
  GaussianProcess model;
  double limit;  // where zero went in the model's scale
};

// Nothing when no trial failed, or none did not. At most some hundred of each are looked at, the
// latest.
std::optional<FailureModel> fit_failures(std::span<const Point> fine, std::span<const Point> failed,
                                         const std::vector<bool>& categorical);

}  // namespace attune::tune::internal
