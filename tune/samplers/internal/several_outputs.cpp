#include "attune/tune/samplers/internal/several_outputs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "attune/tune/internal/hypervolume.h"
#include "attune/tune/samplers/internal/acquisition_search.h"
#include "attune/tune/samplers/internal/expected_hypervolume.h"
#include "attune/tune/samplers/internal/feasibility.h"
#include "attune/tune/samplers/internal/gp_fit.h"
#include "attune/tune/samplers/internal/outcomes.h"
#include "attune/tune/samplers/internal/output_transform.h"

namespace attune::tune::internal {
namespace {

constexpr size_t kFitLimit = 150;        // trials that choose hyperparameters
constexpr size_t kModelLimit = 400;      // trials in a posterior
constexpr size_t kIncumbents = 5;        // points of the front that are perturbed into candidates
constexpr size_t kMostObjectives = 3;    // with a hypervolume: beyond it there are too many boxes
constexpr int64_t kExhaustive = 1000;    // a space of so few points is searched through
constexpr double kBeyondWorst = 0.1;     // reference point: so much of the front's extent beyond it
constexpr double kAugmentation = 0.05;   // Knowles: how much the plain sum counts

using Candidate = std::function<bool(const Point&)>;

template <typename T>
std::vector<T> pick(const std::vector<T>& all, const std::vector<size_t>& which) {
  std::vector<T> some;
  for (const size_t i : which) some.push_back(all[i]);
  return some;
}

Outcomes representative_of(const Outcomes& all) {
  const std::vector<double> ranks = constrained_ranks(all.losses, all.violations);
  const std::vector<size_t> some = representative(ranks, kModelLimit);
  Outcomes outcomes{pick(all.points, some), pick(all.losses, some), pick(all.violations, some), {}};
  for (const auto& values : all.constraints) outcomes.constraints.push_back(pick(values, some));
  return outcomes;
}

// Losses far above the others say little; but no loss of the front is brought down, however large
// it is: it is the price of being best in another objective.
std::vector<double> believable(std::vector<double> losses, const std::vector<size_t>& front) {
  const std::vector<double> cut = winsorize(losses, 2);
  double ceiling = *std::max_element(cut.begin(), cut.end());
  for (const size_t i : front) ceiling = std::max(ceiling, losses[i]);
  for (double& loss : losses) loss = std::min(loss, ceiling);
  return standardize(losses);
}

// Zero stays zero, and what is around it counts most: the logarithm of the size, as in Eriksson and
// Poloczek, "Scalable constrained Bayesian optimization" (2021), here in units of the median.
struct ConstraintValues {
  std::vector<double> values;  // standardised
  double limit;                // where zero went
};
ConstraintValues around_zero(const std::vector<double>& constraint) {
  std::vector<double> sizes;
  for (const double c : constraint) {
    if (c != 0) sizes.push_back(std::abs(c));
  }
  const double unit = sizes.empty() ? 1 : median(sizes);
  std::vector<double> values;
  for (const double c : constraint) {
    values.push_back(std::copysign(std::log1p(std::abs(c) / unit), c));
  }
  values.push_back(0);
  double mean = 0, variance = 0;
  const auto n = static_cast<double>(constraint.size());
  for (size_t i = 0; i < constraint.size(); ++i) mean += values[i] / n;
  for (size_t i = 0; i < constraint.size(); ++i) variance += std::pow(values[i] - mean, 2) / n;
  const double deviation = std::sqrt(variance);
  if (!(deviation > 1e-12)) return {{}, 0};
  for (double& v : values) v = (v - mean) / deviation;
  const double limit = values.back();
  values.pop_back();
  return {std::move(values), limit};
}

// Trials that still run count as if they had given what the model expects of them.
class Modeler {
 public:
  Modeler(const Domain& domain, bool additive, std::span<const Point> pending)
      : domain_(domain), pending_(pending) {
    kernel_ = additive ? ard_additive_kernel(domain.size()) : anova_kernel(domain.size());
  }

  GaussianProcess operator()(const std::vector<Point>& points, std::vector<double> values,
                             const std::vector<double>& ranks) const {
    Observations data{points, std::move(values), domain_.categorical()};
    const std::vector<size_t> some = representative(ranks, kFitLimit);
    const Observations fitted{pick(data.points, some), pick(data.values, some), data.categorical};
    MapObjective objective(*kernel_, fitted);
    GaussianProcess model(kernel_, std::move(data), fit_hyperparameters(objective));
    if (pending_.empty()) return model;
    return model.extended(pending_, model.predict(pending_));
  }

 private:
  const Domain& domain_;
  std::span<const Point> pending_;
  std::shared_ptr<const Kernel> kernel_;
};

// Weights from an even spread over all that are positive and sum up to 1.
std::vector<double> random_weights(size_t count, Rng& rng) {
  std::vector<double> weights(count);
  for (double& w : weights) w = -std::log1p(-rng.uniform());
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& w : weights) w = sum > 0 ? w / sum : 1 / static_cast<double>(count);
  return weights;
}

// All objectives as one: the worst of them, in units of the front's extent, and a bit of the sum.
std::vector<Losses> scalarized(const std::vector<Losses>& losses, const std::vector<size_t>& front,
                               Rng& rng) {
  const size_t m = losses[0].size();
  const std::vector<double> weights = random_weights(m, rng);
  std::vector<Losses> scalars(losses.size(), Losses{-std::numeric_limits<double>::infinity()});
  std::vector<double> sums(losses.size(), 0.0);
  for (size_t i = 0; i < m; ++i) {
    std::vector<double> column;
    for (const Losses& one : losses) column.push_back(one[i]);
    column = believable(std::move(column), front);
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const size_t k : front) low = std::min(low, column[k]), high = std::max(high, column[k]);
    if (!(high > low)) {
      low = *std::min_element(column.begin(), column.end());
      high = low + 1;
    }
    for (size_t k = 0; k < losses.size(); ++k) {
      const double part = weights[i] * (column[k] - low) / (high - low);
      scalars[k][0] = std::max(scalars[k][0], part);
      sums[k] += kAugmentation * part;
    }
  }
  for (size_t k = 0; k < losses.size(); ++k) scalars[k][0] += sums[k];
  return scalars;
}

// A little worse than the worst of the front in each objective, so that its ends are worth moving.
Losses reference_of(const std::vector<Losses>& front, size_t objectives) {
  Losses reference;
  for (size_t i = 0; i < objectives; ++i) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    for (const Losses& p : front) low = std::min(low, p[i]), high = std::max(high, p[i]);
    const double extent = high - low;
    reference.push_back(high + kBeyondWorst * (extent > 1e-9 ? extent : 1));
  }
  return reference;
}

std::optional<Point> highest(const Acquisition& acquisition, const Domain& domain,
                             std::vector<Point> incumbents, const Candidate& acceptable,
                             Rng& rng) {
  std::vector<Point> candidates = domain.all(kExhaustive);
  if (candidates.empty()) {
    return maximize({acquisition, domain, std::move(incumbents), false, acceptable}, rng);
  }
  std::erase_if(candidates, [&](const Point& p) { return !acceptable(p); });
  if (candidates.empty()) candidates = domain.all(kExhaustive);
  const std::vector<double> height = acquisition(candidates);
  return candidates[static_cast<size_t>(std::max_element(height.begin(), height.end()) -
                                        height.begin())];
}

}  // namespace

std::optional<Point> search_several_outputs(const Domain& domain, const Question& question,
                                            const Evidence& evidence, const Candidate& acceptable,
                                            Rng& rng) {
  const Outcomes known = representative_of(collect_outcomes(question, evidence));
  if (known.points.size() < 2) return std::nullopt;
  const std::vector<double> ranks = constrained_ranks(known.losses, known.violations);
  const std::vector<size_t> front = known.front();
  const Modeler model(domain, question.number % 2 == 1, evidence.pending);

  std::vector<GaussianProcess> constraints;
  std::vector<double> limits;
  for (const std::vector<double>& all : known.constraints) {
    std::vector<size_t> given;
    for (size_t k = 0; k < all.size(); ++k) {
      if (!std::isnan(all[k])) given.push_back(k);
    }
    auto [values, limit] = around_zero(pick(all, given));
    if (values.empty()) continue;  // always the same: no point is better than another
    constraints.push_back(model(pick(known.points, given), std::move(values), pick(ranks, given)));
    limits.push_back(limit);
  }

  std::vector<size_t> incumbents;
  if (front.empty()) {  // nothing feasible: that comes first
    std::vector<size_t> order(ranks.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return ranks[a] < ranks[b]; });
    order.resize(std::min(order.size(), kIncumbents));
    if (constraints.empty()) return std::nullopt;
    return highest(FeasibleAcquisition(nullptr, constraints, limits), domain,
                   pick(known.points, order), acceptable, rng);
  }

  const bool one = known.losses[0].size() > kMostObjectives;
  const std::vector<Losses> losses = one ? scalarized(known.losses, front, rng) : known.losses;
  const size_t m = losses[0].size();
  std::vector<GaussianProcess> objectives;
  for (size_t i = 0; i < m; ++i) {
    std::vector<double> column;
    for (const Losses& l : losses) column.push_back(l[i]);
    const std::vector<size_t> kept = m > 1 ? front : std::vector<size_t>{};
    objectives.push_back(model(known.points, believable(std::move(column), kept), ranks));
  }

  // The front as the models see it: without the noise, and with what is expected of running trials.
  std::vector<size_t> believed = front;
  if (m == 1) {
    believed.clear();
    for (size_t k = 0; k < known.points.size(); ++k) {
      if (known.violations[k] == 0) believed.push_back(k);
    }
  }
  std::vector<size_t> all = believed;
  for (size_t k = known.points.size(); k < objectives[0].size(); ++k) all.push_back(k);
  std::vector<Losses> seen;
  for (const size_t k : all) {
    Losses& l = seen.emplace_back();
    for (const GaussianProcess& gp : objectives) l.push_back(gp.smoothed()[k]);
  }

  std::optional<LogExpectedImprovement> improvement;
  std::optional<LogExpectedHypervolumeImprovement> gain;
  std::vector<double> worth;  // of believed points, as starts for the search
  if (m == 1) {
    improvement.emplace(objectives[0], std::min_element(seen.begin(), seen.end())->front());
    for (size_t k = 0; k < believed.size(); ++k) worth.push_back(-seen[k][0]);
  } else {
    const Losses reference = reference_of(seen, m);
    gain.emplace(objectives, seen, reference);
    worth = hypervolume_contributions(std::span(seen).first(believed.size()), reference);
  }
  std::vector<size_t> order(believed.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](size_t a, size_t b) { return worth[a] > worth[b]; });
  for (size_t k = 0; k < std::min(kIncumbents, order.size()); ++k) {
    incumbents.push_back(believed[order[k]]);
  }
  const Acquisition& promise =
      improvement ? static_cast<const Acquisition&>(*improvement) : *gain;
  return highest(FeasibleAcquisition(&promise, constraints, limits), domain,
                 pick(known.points, incumbents), acceptable, rng);
}

}  // namespace attune::tune::internal
