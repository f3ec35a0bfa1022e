#include "attune/tune/analysis/internal/surrogate.h"

#include <algorithm>
#include <cmath>

#include "attune/tune/analysis/internal/confidence_bound.h"
#include "attune/tune/samplers/internal/gp/acquisition_search.h"
#include "attune/tune/samplers/internal/gp/evidence.h"
#include "attune/tune/samplers/internal/gp/fit.h"
#include "attune/tune/internal/math/dense.h"
#include "attune/tune/samplers/internal/gp/output_transform.h"

namespace attune::tune::internal {
namespace {

constexpr size_t kModelLimit = 400;    // trials in the posterior
constexpr size_t kEnough = 10;         // complete trials, to leave out the others
constexpr size_t kIncumbents = 4;      // where the search for the lowest bound begins
constexpr int64_t kExhaustive = 1000;  // a space of so few points is searched through

// A search is well served by the last report of a pruned trial, which says "bad". An estimate in
// the objective's units is not: a loss after two steps is no loss after twenty.
Evidence believed(Evidence all, const History& history) {
  const auto complete = [&](int64_t number) {
    return history.trials()[static_cast<size_t>(number)].state == State::complete;
  };
  const auto count = std::count_if(all.numbers.begin(), all.numbers.end(), complete);
  if (static_cast<size_t>(count) < kEnough) return all;
  Evidence some;
  for (size_t i = 0; i < all.numbers.size(); ++i) {
    if (!complete(all.numbers[i])) continue;
    some.numbers.push_back(all.numbers[i]);
    some.points.push_back(std::move(all.points[i]));
    some.losses.push_back(all.losses[i]);
  }
  return some;
}

// What the model learns from, and how its values are turned back: loss = center + scale * value.
struct Training {
  Observations data;
  double center, scale;
};

std::optional<Training> training(const Question& question, const Domain& domain) {
  if (domain.size() == 0) return std::nullopt;
  const Evidence evidence = believed(collect(question, domain), question.history);
  const auto& losses = evidence.losses;
  if (losses.size() < 2) return std::nullopt;

  const std::vector<double> values = standardize(losses);
  const auto [low, high] = std::minmax_element(losses.begin(), losses.end());
  const double z_low = values[static_cast<size_t>(low - losses.begin())];
  const double z_high = values[static_cast<size_t>(high - losses.begin())];
  // Halved, because the difference of two losses can be too large for a double.
  const double scale = z_high > z_low ? 2 * ((*high / 2 - *low / 2) / (z_high - z_low)) : 0;

  // A bowl as likely as a dome: an estimate does not expect that the ranges were well chosen.
  Training t{
      {{}, {}, domain.categorical(), {.mean = 0, .deviation = 0.5}}, *low - z_low * scale, scale};
  for (const size_t i : representative(losses, kModelLimit)) {
    t.data.points.push_back(evidence.points[i]);
    t.data.values.push_back(values[i]);
  }
  return t;
}

}  // namespace

std::optional<Surrogate> Surrogate::fit(const Question& question, const Domain& domain) {
  std::optional<Training> t = training(question, domain);
  if (!t) return std::nullopt;
  const std::vector<double> ranks = t->data.values;
  return Surrogate(domain,
                   fit_gaussian_process(anova_kernel(domain.size()), std::move(t->data), ranks),
                   t->center, t->scale);
}

std::vector<Surrogate::Weighted> Surrogate::fit_at_noise_levels(const Question& question,
                                                                const Domain& domain) {
  std::optional<Training> t = training(question, domain);
  if (!t) return {};
  const std::vector<double> ranks = t->data.values;
  std::vector<Weighted> all;
  for (auto& [weight, model] :
       internal::fit_at_noise_levels(anova_kernel(domain.size()), std::move(t->data), ranks)) {
    all.push_back({weight, Surrogate(domain, std::move(model), t->center, t->scale)});
  }
  return all;
}

Estimate Surrogate::operator()(const Point& point) const {
  const Prediction p = model_.predict({&point, 1})[0];
  return {center_ + scale_ * p.mean, scale_ * p.deviation, noise()};
}

Estimate Surrogate::difference(const Point& a, const Point& b) const {
  const std::vector<Point> both = {a, b};
  const GaussianProcess::Joint joint = model_.predict_jointly(both);
  const auto& c = joint.covariance;
  const double variance = std::max(c[0] + c[3] - 2 * c[1], 0.0);
  return {scale_ * (joint.mean[0] - joint.mean[1]), scale_ * std::sqrt(variance), noise()};
}

std::vector<double> Surrogate::possible_gains(const Point& reached, std::span<const Point> points,
                                              int64_t draws, Rng rng) const {
  std::vector<Point> all(points.begin(), points.end());
  all.push_back(reached);
  const size_t m = all.size();
  const GaussianProcess::Joint joint = model_.predict_jointly(all);
  // Points close to each other have covariances that rounding can make impossible.
  std::vector<double> factor;
  for (double jitter = 1e-10; jitter < 1; jitter *= 100) {
    factor = joint.covariance;
    for (size_t i = 0; i < m; ++i) factor[i + i * m] = std::max(factor[i + i * m], 0.0) + jitter;
    if (cholesky(factor.data(), m)) break;
  }
  std::vector<double> gains, values(m);
  for (int64_t draw = 0; draw < draws; ++draw) {
    for (double& v : values) v = rng.normal();
    lower_times(factor.data(), m, values.data());
    for (size_t i = 0; i < m; ++i) values[i] += joint.mean[i];
    gains.push_back(scale_ * (values.back() - *std::min_element(values.begin(), values.end())));
  }
  std::sort(gains.begin(), gains.end());
  return gains;
}

double Surrogate::noise() const { return scale_ * std::exp(0.5 * model_.theta().back()); }

double Surrogate::regret_bound(double width, Rng rng) const {
  const std::vector<Point>& tried = model_.data().points;
  double reached = std::numeric_limits<double>::infinity();
  double possible = reached;
  for (const Prediction& p : model_.predict(tried)) {
    reached = std::min(reached, p.mean + width * p.deviation);
    possible = std::min(possible, p.mean - width * p.deviation);
  }
  const LowerConfidenceBound bound(model_, width);
  const std::vector<Point> all = domain_->all(kExhaustive);
  if (!all.empty()) {
    for (const double height : bound(all)) possible = std::min(possible, -height);
  } else {
    const auto acceptable = [this](const Point& p) { return domain_->allowed(p); };
    AcquisitionSearch search{bound, *domain_, {}, false, acceptable};
    for (const size_t i : lowest(model_.smoothed(), kIncumbents)) {
      search.incumbents.push_back(tried[i]);
    }
    const std::optional<Point> found = maximize(search, rng);
    if (found) possible = std::min(possible, -bound(*found));
  }
  return scale_ * (reached - possible);
}

}  // namespace attune::tune::internal
