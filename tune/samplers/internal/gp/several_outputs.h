#pragma once
// What bayesian() does where a trial has more than one outcome to model: several objectives, or
// constraints.

#include <functional>
#include <optional>

#include "attune/tune/samplers/internal/gp/evidence.h"

namespace attune::tune::internal {

// One Gaussian process per outcome, their kernels by turns as with one objective. The point sought
// has the highest expected improvement of the best feasible loss (one objective) or of the
// hypervolume (two or three), times the probability that it is feasible. Beyond three objectives a
// random weighting makes them one: Knowles, "ParEGO" (2006). Nothing when nothing is known yet.
std::optional<Point> search_several_outputs(const Domain& domain, const Question& question,
                                            const Evidence& evidence,
                                            const std::function<bool(const Point&)>& acceptable,
                                            Rng& rng);

}  // namespace attune::tune::internal
