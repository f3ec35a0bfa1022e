#pragma once
// The samplers there are. Each file in samplers/ holds one.

#include <cstdint>
#include <memory>

#include "attune/tune/sampler.h"
#include "attune/tune/space.h"

namespace attune::tune {

// Every value with equal chance.
std::shared_ptr<Sampler> random();

// Every combination of a finite space once, in order, the last parameter fastest; what a study has
// done already is left out. `space` empty: the space that is asked for. A continuous range without
// grid values is a SearchSpaceError.
std::shared_ptr<Sampler> grid(Space space = {});

// Sobol's low-discrepancy sequence (direction numbers of Joe & Kuo, 2008), scrambled by hashes
// after Owen (Burley, 2020); trial k gets point k. Beyond 64 parameters: random.
std::shared_ptr<Sampler> sobol();

struct BayesianOptions {
  // Trials before the model is asked; 0: one more than half the number of parameters, at least 2.
  int64_t startup_trials = 0;
};
// Gaussian processes: two global models and a local one take turns, each looking for the highest
// expected improvement (docs/search.md). Some milliseconds per trial. ValueError: startup_trials < 0.
std::shared_ptr<Sampler> bayesian(BayesianOptions options = {});

}  // namespace attune::tune
