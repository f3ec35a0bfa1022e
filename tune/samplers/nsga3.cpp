// NSGA-III: as NSGA-II, but of the front that is cut those stay that are near to directions which
// few of the others are near to, so that many objectives are covered evenly. Deb and Jain, "An
// evolutionary many-objective optimization algorithm using reference-point-based nondominated
// sorting approach, part I" (2014); constraints as in part II.

#include <algorithm>
#include <limits>
#include <map>
#include <string>

#include "attune/base/error.h"
#include "attune/tune/samplers.h"
#include "attune/tune/samplers/internal/genetic/generations.h"
#include "attune/tune/samplers/internal/genetic/outcomes.h"
#include "attune/tune/samplers/internal/genetic/reference_points.h"

namespace attune::tune {
namespace {

using namespace internal;

struct Niche {
  size_t direction;
  double distance;
};

Niche nearest(const Losses& point, const std::vector<Losses>& directions) {
  Niche niche{0, std::numeric_limits<double>::infinity()};
  for (size_t d = 0; d < directions.size(); ++d) {
    const double distance = distance_to_line(point, directions[d]);
    if (distance < niche.distance) niche = {d, distance};
  }
  return niche;
}

class Nsga3Sampler : public GenerationSampler {
 public:
  Nsga3Sampler(const GenerationOptions& options, int64_t divisions)
      : GenerationSampler("nsga3", options), divisions_(static_cast<size_t>(divisions)) {}

 protected:
  std::vector<Survivor> survivors(std::span<const Individual> all, size_t count,
                                  Rng& rng) const override {
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
      std::vector<size_t> stay = members;
      if (survivors.size() + members.size() > count) {
        stay = spread(losses, survivors, members, count - survivors.size(), rng);
      }
      for (const size_t i : stay) survivors.push_back({i, rank, 0});
      if (survivors.size() == count) break;
    }
    return survivors;
  }

 private:
  // `count` of the members, where the survivors are thin on the ground.
  std::vector<size_t> spread(const std::vector<Losses>& losses,
                             const std::vector<Survivor>& survivors,
                             const std::vector<size_t>& members, size_t count, Rng& rng) const {
    std::vector<Losses> involved;
    for (const Survivor& s : survivors) involved.push_back(losses[s.index]);
    for (const size_t i : members) involved.push_back(losses[i]);
    const std::vector<Losses> points = normalized(involved);
    const size_t m = points[0].size();
    const std::vector<Losses> directions =
        das_dennis(m, divisions_ > 0 ? divisions_ : divisions_for(m, survivors.size() + count));

    std::vector<size_t> crowd(directions.size(), 0);
    std::vector<std::vector<std::pair<double, size_t>>> near(directions.size());
    for (size_t k = 0; k < points.size(); ++k) {
      const Niche niche = nearest(points[k], directions);
      if (k < survivors.size()) {
        ++crowd[niche.direction];
      } else {
        near[niche.direction].emplace_back(niche.distance, members[k - survivors.size()]);
      }
    }
    std::vector<size_t> chosen;
    while (chosen.size() < count) {
      // A direction with the fewest survivors, of those that still have members; of equals any.
      size_t fewest = std::numeric_limits<size_t>::max();
      std::vector<size_t> loneliest;
      for (size_t d = 0; d < directions.size(); ++d) {
        if (near[d].empty() || crowd[d] > fewest) continue;
        if (crowd[d] < fewest) fewest = crowd[d], loneliest.clear();
        loneliest.push_back(d);
      }
      const size_t d = loneliest[rng.below(loneliest.size())];
      // The first of a direction is the nearest to it, the others come by chance.
      auto pick = std::min_element(near[d].begin(), near[d].end());
      if (crowd[d] > 0) {
        pick = near[d].begin() + static_cast<std::ptrdiff_t>(rng.below(near[d].size()));
      }
      chosen.push_back(pick->second);
      near[d].erase(pick);
      ++crowd[d];
    }
    return chosen;
  }

  size_t divisions_;
};

}  // namespace

std::shared_ptr<Sampler> nsga3(Nsga3Options o) {
  if (o.divisions < 0) {
    throw ValueError("nsga3: divisions is " + std::to_string(o.divisions) +
                     "; give 0 (chosen by the population) or more");
  }
  return std::make_shared<Nsga3Sampler>(
      GenerationOptions{o.population, o.offspring, o.crossover, o.mutation, o.crossover_index,
                        o.mutation_index},
      o.divisions);
}

}  // namespace attune::tune
