#include "attune/tune/analysis/internal/surrogate.h"

#include <algorithm>
#include <cmath>

#include "attune/tune/analysis/internal/confidence_bound.h"
#include "attune/tune/samplers/internal/gp/acquisition_search.h"
#include "attune/tune/samplers/internal/gp/evidence.h"
#include "attune/tune/samplers/internal/gp/fit.h"
#include "attune/tune/samplers/internal/gp/output_transform.h"

namespace attune::tune::internal {
namespace {

constexpr size_t kModelLimit = 400;    // trials in the posterior
constexpr size_t kIncumbents = 4;      // where the search for the lowest bound begins
constexpr int64_t kExhaustive = 1000;  // a space of so few points is searched through

}  // namespace

std::optional<Surrogate> Surrogate::fit(const Question& question, const Domain& domain) {
  if (domain.size() == 0) return std::nullopt;
  const Evidence evidence = collect(question, domain);
  const auto& losses = evidence.losses;
  if (losses.size() < 2) return std::nullopt;

  // A bowl as likely as a dome: an estimate does not expect that the ranges were well chosen.
  Observations data{
      evidence.points, standardize(losses), domain.categorical(), {.mean = 0, .deviation = 0.5}};
  const auto [low, high] = std::minmax_element(losses.begin(), losses.end());
  const double z_low = data.values[static_cast<size_t>(low - losses.begin())];
  const double z_high = data.values[static_cast<size_t>(high - losses.begin())];
  // Halved, because the difference of two losses can be too large for a double.
  const double scale = z_high > z_low ? 2 * ((*high / 2 - *low / 2) / (z_high - z_low)) : 0;
  const double center = *low - z_low * scale;

  std::shared_ptr<const Kernel> kernel = anova_kernel(domain.size());
  Observations some{{}, {}, data.categorical, data.bowl};
  for (const size_t i : representative(losses, kModelLimit)) {
    some.points.push_back(data.points[i]);
    some.values.push_back(data.values[i]);
  }
  const std::vector<double> ranks = some.values;
  return Surrogate(domain, fit_gaussian_process(std::move(kernel), std::move(some), ranks), center,
                   scale);
}

Estimate Surrogate::operator()(const Point& point) const {
  const Prediction p = model_.predict({&point, 1})[0];
  return {center_ + scale_ * p.mean, scale_ * p.deviation, noise()};
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
