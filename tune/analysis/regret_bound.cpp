// Automatic termination by a regret bound: Makarova et al. (2022).

#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/analysis/internal/surrogate.h"
#include "attune/tune/analysis/stopping.h"

namespace attune::tune {
namespace {

constexpr double kConfidence = 0.1;  // the chance that the bounds fail: the paper's delta
constexpr double kScaledDown = 5;    // the paper's, after the experiments of Srinivas et al. (2010)

// Deviations between the mean and a bound that holds at every one of n trials: the root of
// beta = 2 log(d n^2 pi^2 / (6 delta)), scaled down.
double width(size_t dims, size_t trials) {
  const auto d = static_cast<double>(dims), n = static_cast<double>(trials);
  const double pi = std::numbers::pi;
  return std::sqrt(2 * std::log(d * n * n * pi * pi / (6 * kConfidence)) / kScaledDown);
}

class RegretBelow : public StoppingRule {
 public:
  RegretBelow(std::optional<double> noise, RegretOptions options)
      : noise_(noise), options_(options) {}

  std::string reason(const Question& question) const override {
    if (question.history.objectives() > 1) {
      throw ValueError(fmt::format("regret_below: it is for one objective, the study has {}",
                                   question.history.objectives()));
    }
    const internal::Domain domain(question.space);
    if (question.history.count(State::complete) < options_.min_trials) return {};
    const auto model = internal::Surrogate::fit(question, domain);
    if (!model) return {};
    const Rng rng = Rng(question.seed).fork("regret bound").fork(question.number);
    const double bound = model->regret_bound(width(domain.size(), model->size()), rng);
    const double noise = noise_ ? *noise_ : model->noise();
    if (!(bound <= noise)) return {};
    return fmt::format("the best is within {:.3g} of what is possible, and the noise is {:.3g}",
                       bound, noise);
  }

 private:
  std::optional<double> noise_;
  RegretOptions options_;
};

}  // namespace

std::shared_ptr<const StoppingRule> regret_below(std::optional<double> noise,
                                                 RegretOptions options) {
  if ((noise && !(*noise > 0)) || options.min_trials < 2) {
    throw ValueError(
        fmt::format("regret_below: noise ({}) must be above 0, min_trials ({}) 2 or more",
                    noise ? fmt::format("{}", *noise) : "estimated", options.min_trials));
  }
  return std::make_shared<RegretBelow>(noise, options);
}

}  // namespace attune::tune
