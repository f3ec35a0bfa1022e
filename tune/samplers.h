#pragma once
// The samplers there are. Each file in samplers/ holds one.

#include <cstdint>
#include <memory>

#include "attune/tune/sampler.h"
#include "attune/tune/space.h"

namespace attune::tune {

// The default: bayesian() at first; after some hundred trials, or with too many parameters for a
// model, cmaes() where all are unconditional numbers and tpe() elsewhere; nsga2() or nsga3() with
// several objectives. The study's attribute "sampler" says which, and why.
std::shared_ptr<Sampler> automatic();

// Every value with equal chance.
std::shared_ptr<Sampler> random();

// In which order grid() visits its points: as they are declared, the last parameter fastest; by
// chance; or such that those done cover the ranges ever more finely.
enum class GridOrder : uint8_t { declared, shuffled, coarse_to_fine };
struct GridOptions {
  GridOrder order = GridOrder::declared;
};
// Every combination of a finite space once; what a study has done already is left out. `space`
// empty: the space that is asked for. A continuous range without grid values is a SearchSpaceError.
std::shared_ptr<Sampler> grid(Space space = {}, GridOptions options = {});

// Every run that a finite objective can have, once: it needs no space ahead, and follows what the
// objective asks for, branch by branch, in an order drawn by the seed. Workers share out the
// branches; the last few runs may be done twice. A continuous range is a SearchSpaceError.
std::shared_ptr<Sampler> brute_force();

// One parameter after the other, the rest held at the best found: from the default configuration, a
// look at each parameter, then a search along each, those with the most influence first, then the
// pairs of the most influential two; again in steps half as wide once nothing is better. Reads as a
// table of what was changed and what came of it.
std::shared_ptr<Sampler> one_at_a_time();

// These parameters have these values in every trial; `inner` chooses the others and does not see
// them. ValueError: no inner sampler.
std::shared_ptr<Sampler> fixed(const Params& params, std::shared_ptr<Sampler> inner);

// Sobol's low-discrepancy sequence (direction numbers of Joe & Kuo, 2008), scrambled by hashes
// after Owen (Burley, 2020); trial k gets point k. Beyond 64 parameters: random.
std::shared_ptr<Sampler> sobol();

// Halton's sequence with permuted digits (Owen, 2017); trial k gets point k. Beyond 64 parameters:
// random.
std::shared_ptr<Sampler> halton();

// Latin hypercubes (McKay et al., 1979) of `block` trials one after the other: in each block every
// block-th part of each parameter's range is tried once. With First::sampler, else the default
// configuration takes the first trial's place. ValueError: block < 1.
std::shared_ptr<Sampler> latin_hypercube(int64_t block = 16);

struct BayesianOptions {
  // Trials before the model is asked; 0: one more than half the number of parameters, at least 2.
  int64_t startup_trials = 0;
};
// Gaussian processes: two global models and a local one take turns, each looking for the highest
// expected improvement (docs/search.md). With several objectives, or constraints: of the
// hypervolume, times the chance of being feasible. Some milliseconds per trial. ValueError:
// startup_trials < 0.
std::shared_ptr<Sampler> bayesian(BayesianOptions options = {});

struct Nsga2Options {
  int64_t population = 50;      // parents at a time; so many trials come before any has parents
  int64_t offspring = 0;        // trials until parents are chosen anew; 0: population / 5
  double crossover = 0.9;       // the chance that a child has two parents
  double mutation = 0;          // of each parameter; 0: one over their number
  double crossover_index = 10;  // the higher, the nearer to their parents are children
  double mutation_index = 5;    // the higher, the smaller are mutations
};
// A genetic algorithm for several objectives, and for one: NSGA-II (Deb et al., 2002), for few
// trials: small generations, and children further from their parents. As in the paper are
// {.offspring = 50, .crossover_index = 20, .mutation_index = 20}. ValueError: population < 2,
// offspring < 0, a chance outside 0 to 1, an index < 0.
std::shared_ptr<Sampler> nsga2(Nsga2Options options = {});

struct Nsga3Options {
  int64_t population = 50;
  int64_t offspring = 0;
  double crossover = 0.9;
  double mutation = 0;
  double crossover_index = 10;
  double mutation_index = 5;
  int64_t divisions = 0;  // of each axis by reference points; 0: about as many as the population
};
// The same with reference points in place of crowding, for many objectives: NSGA-III (Deb and Jain,
// 2014). ValueError: as nsga2, and divisions < 0.
std::shared_ptr<Sampler> nsga3(Nsga3Options options = {});

struct CmaesOptions {
  // What follows when a run has converged, or got stuck: nothing; a run from a random point with
  // twice the population (IPOP: Auger & Hansen, 2005); or large and small runs by turns (BIPOP:
  // Hansen, 2009).
  enum class Restarts : uint8_t { none, ipop, bipop };
  // Complete trials with random values before the search begins, at the best of them.
  int64_t startup_trials = 0;
  double sigma = 1.0 / 6;  // the first steps' deviation, as a fraction of each range; up to 1
  // Trials that make up a generation; 0: 4 + 3 ln d. Worth raising to the number of parallel jobs.
  int64_t population = 0;
  Restarts restarts = Restarts::ipop;
  // Integers and steps keep a chance to change (Hamano et al., 2022).
  bool margin = true;
  // Smaller updates under noise or many local optima (Nomura et al., 2023), for long studies.
  bool learning_rate_adaptation = false;
  // With more numbers than that their correlations are left out (Ros & Hansen, 2008).
  int64_t full_covariance_limit = 50;
};
// CMA-ES: a normal distribution that moves to where trials were good, in generations. It starts at
// the default configuration, or at the best of what the study has before it. Choices get
// probabilities of their own. For one objective (ValueError), some hundred trials and more; some
// microseconds per trial. docs/cmaes.md. ValueError: an option out of its range.
std::shared_ptr<Sampler> cmaes(CmaesOptions options = {});

struct TpeOptions {
  int64_t startup_trials = 10;  // Sobol points first
  int64_t candidates = 24;      // draws among which the best is chosen
  bool multivariate = true;     // parameters together; else each on its own
  // Multivariate: parameters that are not in every trial together with those that come and go with
  // them; else each of them on its own.
  bool group = true;
  bool constant_liar = true;  // trials that run count as bad, so that others keep away from them
};
// Tree-structured Parzen estimator, with the rules of Optuna's TPESampler. Some 20 microseconds per
// trial. ValueError: startup_trials < 0, candidates < 1.
std::shared_ptr<Sampler> tpe(TpeOptions options = {});

}  // namespace attune::tune
