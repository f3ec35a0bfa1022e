// NSGA-II: the fronts of the feasible trials one after the other, and of the front that is cut
// those with the most room around them. Deb, Pratap, Agarwal and Meyarivan, "A fast and elitist
// multiobjective genetic algorithm: NSGA-II" (2002), with its order of constrained domination.

#include <algorithm>
#include <map>
#include <numeric>

#include "attune/tune/internal/math/crowding_distance.h"
#include "attune/tune/samplers.h"
#include "attune/tune/samplers/internal/genetic/generations.h"
#include "attune/tune/samplers/internal/genetic/outcomes.h"

namespace attune::tune {
namespace {

using namespace internal;

class Nsga2Sampler : public GenerationSampler {
 public:
  using GenerationSampler::GenerationSampler;

 protected:
  std::vector<Survivor> survivors(std::span<const Individual> all, size_t count,
                                  Rng&) const override {
    std::vector<Losses> losses;
    std::vector<double> violations;
    for (const Individual& one : all) {
      losses.push_back(one.losses);
      violations.push_back(one.violation);
    }
    const std::vector<double> ranks = constrained_ranks(losses, violations);
    std::map<double, std::vector<size_t>> fronts;
    for (size_t i = 0; i < all.size(); ++i) fronts[ranks[i]].push_back(i);

    std::vector<Survivor> survivors;
    for (const auto& [rank, members] : fronts) {
      std::vector<Losses> front;
      for (const size_t i : members) front.push_back(losses[i]);
      const std::vector<double> room = crowding_distances(front);
      std::vector<size_t> order(members.size());
      std::iota(order.begin(), order.end(), size_t{0});
      std::stable_sort(order.begin(), order.end(),
                       [&](size_t a, size_t b) { return room[a] > room[b]; });
      for (const size_t k : order) {
        if (survivors.size() == count) return survivors;
        survivors.push_back({members[k], rank, room[k]});
      }
    }
    return survivors;
  }
};

}  // namespace

std::shared_ptr<Sampler> nsga2(Nsga2Options o) {
  return std::make_shared<Nsga2Sampler>(
      "nsga2", GenerationOptions{o.population, o.offspring, o.crossover, o.mutation,
                                 o.crossover_index, o.mutation_index});
}

}  // namespace attune::tune
