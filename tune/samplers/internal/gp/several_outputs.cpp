#include "attune/tune/samplers/internal/gp/several_outputs.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "attune/tune/internal/math/hypervolume.h"
#include "attune/tune/samplers/internal/gp/acquisition_search.h"
#include "attune/tune/samplers/internal/gp/expected_hypervolume.h"
#include "attune/tune/samplers/internal/gp/feasibility.h"
#include "attune/tune/samplers/internal/gp/outcome_models.h"
#include "attune/tune/samplers/internal/genetic/outcomes.h"
#include "attune/tune/samplers/internal/gp/scalarization.h"

namespace attune::tune::internal {
namespace {

constexpr size_t kModelLimit = 400;    // trials in a posterior
constexpr size_t kIncumbents = 5;      // best known points that are perturbed into candidates
constexpr size_t kMostObjectives = 3;  // with a hypervolume: beyond it there are too many boxes
constexpr int64_t kExhaustive = 1000;  // a space of so few points is searched through
// The reference point is so much of the front's extent beyond its worst losses: near for half of
// the trials, which refine the front that is known, and far for the others, which find where it
// goes on.
constexpr double kNear = 0.1, kFar = 1;

template <typename T>
std::vector<T> pick(const std::vector<T>& all, const std::vector<size_t>& which) {
  std::vector<T> some;
  for (const size_t i : which) some.push_back(all[i]);
  return some;
}

std::vector<double> column(const std::vector<Losses>& losses, size_t objective) {
  std::vector<double> values;
  for (const Losses& l : losses) values.push_back(l[objective]);
  return values;
}

Outcomes representative_of(const Outcomes& all) {
  const std::vector<double> ranks = constrained_ranks(all.losses, all.violations);
  const std::vector<size_t> some = representative(ranks, kModelLimit);
  Outcomes outcomes{pick(all.points, some), pick(all.losses, some), pick(all.violations, some), {}};
  for (const auto& values : all.constraints) outcomes.constraints.push_back(pick(values, some));
  return outcomes;
}

// Worse than the worst of the front in each objective, so that its ends are worth moving.
Losses reference_of(const std::vector<Losses>& front, double beyond) {
  Losses reference;
  for (size_t i = 0; i < front[0].size(); ++i) {
    const std::vector<double> losses = column(front, i);
    const auto [low, high] = std::minmax_element(losses.begin(), losses.end());
    const double extent = *high - *low;
    reference.push_back(*high + beyond * (extent > 1e-9 ? extent : 1));
  }
  return reference;
}

class SeveralOutputs {
 public:
  SeveralOutputs(const Domain& domain, Outcomes known, bool additive, double beyond,
                 std::span<const Point> pending)
      : domain_(domain),
        beyond_(beyond),
        known_(std::move(known)),
        ranks_(constrained_ranks(known_.losses, known_.violations)),
        front_(known_.front()),
        model_(domain, additive, pending) {
    for (const std::vector<double>& all : known_.constraints) {
      std::vector<size_t> given;
      for (size_t k = 0; k < all.size(); ++k) {
        if (!std::isnan(all[k])) given.push_back(k);
      }
      ConstraintValues c = around_zero(pick(all, given));
      if (c.values.empty()) continue;  // always the same: no point is better than another
      constraints_.push_back(
          model_(pick(known_.points, given), std::move(c.values), pick(ranks_, given)));
      limits_.push_back(c.limit);
    }
  }

  std::optional<Point> search(const std::function<bool(const Point&)>& acceptable, Rng& rng) const {
    if (front_.empty()) {  // nothing is feasible: that comes first
      if (constraints_.empty()) return std::nullopt;
      return highest(nullptr, lowest(ranks_, kIncumbents), acceptable, rng);
    }
    const size_t objectives = known_.losses[0].size();
    if (objectives == 1) return search_one(column(known_.losses, 0), acceptable, rng);
    if (objectives <= kMostObjectives) return search_hypervolume(objectives, acceptable, rng);
    const std::vector<double> weights = random_weights(objectives, rng);
    return search_one(chebyshev(known_.losses, front_, weights), acceptable, rng);
  }

 private:
  // Expected improvement on the best feasible trial.
  std::optional<Point> search_one(std::vector<double> losses,
                                  const std::function<bool(const Point&)>& acceptable,
                                  Rng& rng) const {
    const GaussianProcess objective =
        model_(known_.points, believable(std::move(losses), {}), ranks_);
    std::vector<double> seen = objective.smoothed();
    double best = std::numeric_limits<double>::infinity();
    for (size_t k = 0; k < seen.size(); ++k) {
      // Running trials, which come last, count as feasible.
      const bool feasible = k >= known_.points.size() || known_.violations[k] == 0;
      if (feasible) {
        best = std::min(best, seen[k]);
      } else {
        seen[k] = std::numeric_limits<double>::infinity();
      }
    }
    seen.resize(known_.points.size());
    const LogExpectedImprovement promise(objective, best);
    return highest(&promise, lowest(seen, kIncumbents), acceptable, rng);
  }

  // Expected gain over the front as the models see it: without noise, and with what is expected of
  // running trials.
  std::optional<Point> search_hypervolume(size_t objectives,
                                          const std::function<bool(const Point&)>& acceptable,
                                          Rng& rng) const {
    std::vector<GaussianProcess> models;
    for (size_t i = 0; i < objectives; ++i) {
      models.push_back(model_(known_.points, believable(column(known_.losses, i), front_), ranks_));
    }
    std::vector<size_t> members = front_;
    for (size_t k = known_.points.size(); k < models[0].size(); ++k) members.push_back(k);
    std::vector<Losses> seen;
    for (const size_t k : members) {
      Losses& losses = seen.emplace_back();
      for (const GaussianProcess& model : models) losses.push_back(model.smoothed()[k]);
    }
    const Losses reference = reference_of(seen, beyond_);
    const LogExpectedHypervolumeImprovement promise(models, seen, reference);
    std::vector<double> worth = hypervolume_contributions(seen, reference);
    worth.resize(front_.size());
    for (double& w : worth) w = -w;
    return highest(&promise, pick(front_, lowest(worth, kIncumbents)), acceptable, rng);
  }

  std::optional<Point> highest(const Acquisition* promise, const std::vector<size_t>& incumbents,
                               const std::function<bool(const Point&)>& acceptable,
                               Rng& rng) const {
    const FeasibleAcquisition acquisition(promise, constraints_, limits_);
    std::vector<Point> candidates = domain_.all(kExhaustive);
    if (candidates.empty()) {
      return maximize({acquisition, domain_, pick(known_.points, incumbents), false, acceptable},
                      rng);
    }
    std::erase_if(candidates, [&](const Point& p) { return !acceptable(p); });
    if (candidates.empty()) candidates = domain_.all(kExhaustive);
    const std::vector<double> height = acquisition(candidates);
    return candidates[static_cast<size_t>(std::max_element(height.begin(), height.end()) -
                                          height.begin())];
  }

  const Domain& domain_;
  double beyond_;  // of the reference point
  Outcomes known_;
  std::vector<double> ranks_;  // in Deb's order
  std::vector<size_t> front_;
  OutcomeModeler model_;
  std::vector<GaussianProcess> constraints_;
  std::vector<double> limits_;
};

}  // namespace

std::optional<Point> search_several_outputs(const Domain& domain, const Question& question,
                                            const Evidence& evidence,
                                            const std::function<bool(const Point&)>& acceptable,
                                            Rng& rng) {
  Outcomes known = representative_of(collect_outcomes(question, evidence));
  if (known.points.size() < 2) return std::nullopt;
  const bool additive = question.number % 2 == 1;
  const double beyond = question.number % 4 < 2 ? kNear : kFar;
  return SeveralOutputs(domain, std::move(known), additive, beyond, evidence.pending)
      .search(acceptable, rng);
}

}  // namespace attune::tune::internal
