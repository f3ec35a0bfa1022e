#pragma once
// When a run of CMA-ES is over, and how the next one begins: with twice the population (IPOP: Auger
// and Hansen, "A restart CMA evolution strategy with increasing population size", 2005), or by
// turns large and small (BIPOP: Hansen, "Benchmarking a BI-population CMA-ES on the BBOB-2009
// function testbed", 2009).

#include <cstddef>
#include <cstdint>
#include <span>

#include "attune/base/rng.h"
#include "attune/tune/samplers.h"
#include "attune/tune/samplers/internal/cma/distribution.h"
#include "attune/tune/samplers/internal/cma/space.h"

namespace attune::tune::internal {

struct CmaRun {
  int64_t index = 0;
  size_t population = 0;
  double sigma = 0;
  int64_t trials = 0;  // of this run, in closed generations

  // For BIPOP.
  bool small = false;
  int64_t large_runs = 0, large_trials = 0, small_trials = 0;  // before this run
  int64_t budget = 0;                                          // trials of a small run; 0: no limit
};

// How many of the latest generations' best losses the end of a run is told from.
size_t generations_looked_at(size_t dimensions, size_t population);

// best: the best losses of the latest generations of the run, at most that many.
bool is_over(const CmaRun& run, const CmaDistribution& distribution, const CmaSpace& space,
             std::span<const double> best);

CmaRun next_run(const CmaRun& run, CmaesOptions::Restarts restarts, size_t first_population,
                double first_sigma, Rng& rng);

}  // namespace attune::tune::internal
