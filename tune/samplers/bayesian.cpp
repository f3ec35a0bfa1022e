// bayesian(): Gaussian processes over the mixed unit cube. Two global models, which disagree where
// it is useful, and a local one take turns; each is fitted anew from the finished trials, so that a
// suggestion depends on nothing else. docs/search.md tells why.

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "attune/base/error.h"
#include "attune/tune/internal/math/sobol_sequence.h"
#include "attune/tune/samplers.h"
#include "attune/tune/samplers/internal/gp/acquisition.h"
#include "attune/tune/samplers/internal/gp/acquisition_search.h"
#include "attune/tune/samplers/internal/gp/domain.h"
#include "attune/tune/samplers/internal/gp/evidence.h"
#include "attune/tune/samplers/internal/gp/failures.h"
#include "attune/tune/samplers/internal/gp/feasibility.h"
#include "attune/tune/samplers/internal/gp/fit.h"
#include "attune/tune/samplers/internal/gp/output_transform.h"
#include "attune/tune/samplers/internal/gp/several_outputs.h"
#include "attune/tune/samplers/internal/gp/trust_region.h"

namespace attune::tune {
namespace {

using namespace internal;

constexpr size_t kModelLimit = 400;      // trials in a posterior
constexpr size_t kGlobalIncumbents = 4;  // best known points that are perturbed into candidates
constexpr size_t kLocalIncumbents = 3;
constexpr int64_t kExhaustive = 1000;  // a space of so few points is searched through

// What the arms expect of the ranges: that good values lie inside them. The local arm's box is its
// own doing.
constexpr BowlPrior kGlobalBowl = {0.3, 0.5}, kLocalBowl = {0, 0.3};

enum class Arm { design, anova, ard_additive, local };

// Of the trials after the initial design every third is local; the others change models.
Arm arm_of(int64_t number, int64_t startup) {
  const int64_t k = number - startup;
  if (k < 0) return Arm::design;
  if (k % 3 == 2) return Arm::local;
  return k % 2 == 0 ? Arm::anova : Arm::ard_additive;
}

std::vector<double> transformed(Arm arm, const std::vector<double>& losses) {
  if (arm == Arm::anova) return standardize(winsorize(losses, 2));
  if (arm == Arm::ard_additive) return yeo_johnson(losses);
  return standardize(losses);
}

GaussianProcess fit(Arm arm, const Domain& domain, std::vector<Point> points,
                    const std::vector<double>& losses) {
  std::shared_ptr<const Kernel> kernel =
      arm == Arm::ard_additive ? ard_additive_kernel(domain.size()) : anova_kernel(domain.size());
  Observations data{std::move(points), transformed(arm, losses), domain.categorical(),
                    arm == Arm::local ? kLocalBowl : kGlobalBowl};
  const std::vector<double> ranks = data.values;
  return fit_gaussian_process(std::move(kernel), std::move(data), ranks);
}

// Trials that still run count as if they had given what the model expects of them ("kriging
// believer": Ginsbourger et al., 2010), so that parallel trials keep apart.
GaussianProcess believe(GaussianProcess model, std::span<const Point> pending) {
  if (pending.empty()) return model;
  const std::vector<Prediction> expected = model.predict(pending);
  return model.extended(pending, expected);
}

// Expected improvement, and with failed trials known, times the chance that a trial does not fail.
class Promise {
 public:
  Promise(const GaussianProcess& model, const std::optional<FailureModel>& failures)
      : improvement_(model) {
    if (failures) {
      feasible_.emplace(&improvement_, std::span(&failures->model, 1),
                        std::vector<double>{failures->limit});
    }
  }

  const Acquisition& acquisition() const {
    if (feasible_) return *feasible_;
    return improvement_;
  }

 private:
  LogExpectedImprovement improvement_;
  std::optional<FeasibleAcquisition> feasible_;
};

class BayesianSampler : public Sampler {
 public:
  explicit BayesianSampler(BayesianOptions options) : options_(options) {}

  std::vector<double> propose(const Question& question, Rng& rng) override {
    if (question.space.empty()) return {};
    const Domain domain(question.space);
    return domain.units(suggest(domain, question, rng));
  }

  // A parameter that comes up late is searched on its own: the model of the losses by it alone
  // takes the effects of all others for noise.
  double sample(const Question& question, const Param& param, Rng& rng) override {
    Param alone = param;
    alone.conditions.clear();
    Space space;
    space.add(param.name, std::move(alone));
    const Question about{question.number, question.seed, space, question.history};
    return propose(about, rng)[0];
  }

 private:
  Point suggest(const Domain& domain, const Question& question, Rng& rng) const {
    const Evidence evidence = collect(question, domain);
    const int64_t startup = options_.startup_trials > 0
                                ? options_.startup_trials
                                : std::max<int64_t>(2, static_cast<int64_t>(domain.size()) / 2 + 1);
    const auto acceptable = [&](const Point& p) { return !evidence.taken(p) && domain.allowed(p); };
    Arm arm = arm_of(question.number, startup);
    if (static_cast<int64_t>(evidence.losses.size()) < startup) arm = Arm::design;

    std::optional<Point> found;
    if (arm == Arm::design) {
      found = design_point(domain, question, acceptable);
    } else if (question.history.objectives() > 1 || question.history.constrained()) {
      found = search_several_outputs(domain, question, evidence, acceptable, rng);
    } else if (arm == Arm::local) {
      found = search_locally(domain, evidence, startup, acceptable, rng);
    } else {
      found = search_globally(arm, domain, evidence, acceptable, rng);
    }
    return found ? *found : any_point(domain, acceptable, rng);
  }

  // Point number k of one scrambled sequence per study; further points where that one is taken.
  static std::optional<Point> design_point(const Domain& domain, const Question& question,
                                           const std::function<bool(const Point&)>& acceptable) {
    const uint64_t key = Rng(question.seed).fork("bayesian design").key();
    const SobolSequence sequence(domain.size(), key);
    for (uint64_t turn = 0; turn < 64; ++turn) {
      const uint64_t index = static_cast<uint64_t>(question.number) + (turn << 20);
      Point p = domain.point(sequence.point(index));
      if (acceptable(p)) return p;
    }
    return std::nullopt;
  }

  static std::optional<Point> search_globally(Arm arm, const Domain& domain,
                                              const Evidence& evidence,
                                              const std::function<bool(const Point&)>& acceptable,
                                              Rng& rng) {
    std::vector<Point> points;
    std::vector<double> losses;
    for (const size_t i : representative(evidence.losses, kModelLimit)) {
      points.push_back(evidence.points[i]);
      losses.push_back(evidence.losses[i]);
    }
    const GaussianProcess model =
        believe(fit(arm, domain, std::move(points), losses), evidence.pending);
    const std::optional<FailureModel> failures =
        fit_failures(evidence.points, evidence.failed, domain.categorical());
    const Promise promise(model, failures);
    const Acquisition& acquisition = promise.acquisition();

    std::vector<Point> candidates = domain.all(kExhaustive);
    if (!candidates.empty()) {
      std::erase_if(candidates, [&](const Point& p) { return !acceptable(p); });
      if (candidates.empty()) candidates = domain.all(kExhaustive);
      const std::vector<double> height = acquisition(candidates);
      return candidates[static_cast<size_t>(std::max_element(height.begin(), height.end()) -
                                            height.begin())];
    }

    AcquisitionSearch search{acquisition, domain, {}, false, acceptable};
    for (const size_t i : lowest(model.smoothed(), kGlobalIncumbents)) {
      search.incumbents.push_back(model.data().points[i]);
    }
    return maximize(search, rng);
  }

  static std::optional<Point> search_locally(const Domain& domain, const Evidence& evidence,
                                             int64_t startup,
                                             const std::function<bool(const Point&)>& acceptable,
                                             Rng& rng) {
    std::vector<TrialLoss> past;
    for (size_t i = 0; i < evidence.losses.size(); ++i) {
      past.push_back({evidence.losses[i], arm_of(evidence.numbers[i], startup) == Arm::local});
    }
    const size_t best = lowest(evidence.losses, 1)[0];
    const TrustRegion region(domain, evidence.points[best], trust_region_length(past));

    std::vector<Point> points;
    std::vector<double> losses;
    for (const size_t i : region.neighbors(evidence.points, 2 * domain.size() + 4, kFitLimit)) {
      points.push_back(region.to_local(evidence.points[i]));
      losses.push_back(evidence.losses[i]);
    }
    std::vector<Point> pending;
    for (const Point& p : evidence.pending) pending.push_back(region.to_local(p));
    const GaussianProcess model =
        believe(fit(Arm::local, domain, std::move(points), losses), pending);
    std::vector<Point> fine, failed;
    for (const Point& p : evidence.points) fine.push_back(region.to_local(p));
    for (const Point& p : evidence.failed) failed.push_back(region.to_local(p));
    const std::optional<FailureModel> failures = fit_failures(fine, failed, domain.categorical());
    const Promise promise(model, failures);

    const auto acceptable_here = [&](const Point& p) { return acceptable(region.to_global(p)); };
    AcquisitionSearch search{promise.acquisition(), domain, {}, true, acceptable_here};
    for (const size_t i : lowest(model.smoothed(), kLocalIncumbents)) {
      Point p = model.data().points[i];
      for (size_t k = 0; k < p.size(); ++k) {
        if (domain.continuous(k) && is_active(p[k])) p[k] = std::clamp(p[k], 0.0, 1.0);
      }
      search.incumbents.push_back(std::move(p));
    }
    const std::optional<Point> found = maximize(search, rng);
    return found ? std::optional(region.to_global(*found)) : std::nullopt;
  }

  // When no search found anything new: a random point, then any point that is left, then one that
  // has been tried.
  static Point any_point(const Domain& domain, const std::function<bool(const Point&)>& acceptable,
                         Rng& rng) {
    std::vector<double> units(domain.size());
    Point p;
    for (int turn = 0; turn < 256; ++turn) {
      for (double& u : units) u = rng.uniform();
      p = domain.point(units);
      if (acceptable(p)) return p;
    }
    std::vector<Point> left = domain.all(int64_t{1} << 20);
    std::erase_if(left, [&](const Point& q) { return !acceptable(q); });
    return left.empty() ? p : left[rng.below(left.size())];
  }

  BayesianOptions options_;
};

}  // namespace

std::shared_ptr<Sampler> bayesian(BayesianOptions options) {
  if (options.startup_trials < 0) {
    throw ValueError("bayesian: startup_trials is " + std::to_string(options.startup_trials) +
                     "; give 0 (chosen by the number of parameters) or more");
  }
  return std::make_shared<BayesianSampler>(options);
}

}  // namespace attune::tune
