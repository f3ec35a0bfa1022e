#include "attune/tune/report/findings.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "attune/base/error.h"
#include "attune/tune/analysis/confirm.h"
#include "attune/tune/analysis/internal/surrogate.h"
#include "attune/tune/analysis/model_best.h"
#include "attune/tune/internal/kept_space.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

using internal::Domain;
using internal::Point;
using internal::Surrogate;

constexpr size_t kFewest = 10;  // trials; of fewer the model says little
// Deviations on either side of an interval of 95 %. The one below is wider than the normal
// distribution's 1.96: what was picked for being the best is more often too lucky than too unlucky,
// and the model's noise is estimated. Set on 400 simulated studies, checked on others
// (tests/tune/findings_test.cpp).
constexpr double kBelow = 2.6, kAbove = 1.96;
constexpr int64_t kCandidates = 192, kDraws = 400;
constexpr double kSmallGain = 0.005;  // of what was found: half of what is called small
constexpr double kSmallNoise = 0.25;  // of the difference between two runs
constexpr double kEdge = 0.02;        // of the range, on its own scale

// The trial's place in the space, or nothing if it lies outside.
std::optional<Point> point_of(const Params& params, const Space& space, const Domain& domain) {
  if (!space.flaw(params).empty()) return std::nullopt;
  std::vector<double> units;
  for (const Param& p : space.params()) {
    const ParamValue* value = params.find(p.name);
    units.push_back(p.to_unit(value ? p.internal(*value) : p.default_value()));
  }
  return domain.point(units);
}

Point default_point(const Space& space, const Domain& domain) {
  std::vector<double> units;
  const std::vector<double> values = space.default_values();
  for (size_t i = 0; i < space.size(); ++i) units.push_back(space.params()[i].to_unit(values[i]));
  return domain.point(units);
}

// Where a thorough search would look: anywhere, and near the best at several distances.
std::vector<Point> candidates(const Domain& domain, const Point& best, Rng rng) {
  std::vector<Point> all = domain.all(kCandidates);
  if (!all.empty()) return all;
  const std::vector<double> center = domain.units(best);
  for (int64_t i = 0; i < kCandidates; ++i) {
    const double width = i % 2 == 0 ? 1 : std::pow(0.5, 1 + static_cast<double>(i / 2 % 5));
    std::vector<double> units = center;
    for (double& u : units) {
      const double other = rng.uniform();
      // Near the best only some coordinates move, as in most searches.
      if (width == 1) {
        u = other;
      } else if (rng.uniform() < 0.5) {
        u = std::clamp(u + width * (other - 0.5), 0.0, 1.0);
      }
    }
    const Point point = domain.point(units);
    if (domain.allowed(point)) all.push_back(point);
  }
  return all;
}

class Finder {
 public:
  explicit Finder(const StudyView& view)
      : view_(view),
        trials_(view.trials()),
        history_(view.history()),
        space_(view.space()),
        kept_(KeptSpace::in(history_)) {}

  Findings find() {
    found_.study = view_.name();
    found_.directions = view_.directions();
    count();
    causes();
    const bool one = found_.directions.size() == 1;
    if (one) {
      best();
    } else {
      for (const TrialResult& trial : view_.best_trials()) found_.front.push_back(trial.number);
    }
    const std::vector<TrialResult> best_ones = view_.best_trials();
    found_.infeasible = !best_ones.empty() && !best_ones.front().feasible();
    importances();
    if (one && found_.best) {
      confirmed_gain();
      model();
    }
    return std::move(found_);
  }

 private:
  bool counts(const TrialResult& trial) const {
    return trial.state == State::complete && std::isfinite(trial.value) && trial.feasible() &&
           !trial.system.contains(kRepeats) && (!kept_ || kept_->fits(trial.params));
  }

  void count() {
    for (const TrialResult& t : trials_) {
      if (t.system.contains(kRepeats)) continue;
      found_.complete += t.state == State::complete;
      found_.pruned += t.state == State::pruned;
      found_.failed += t.state == State::failed;
      found_.unfinished += !finished(t.state);
    }
  }

  void causes() {
    std::map<std::string, std::vector<int64_t>> by_error;
    for (const TrialResult& t : trials_) {
      if (t.state == State::failed) by_error[t.error()].push_back(t.number);
    }
    for (auto& [error, numbers] : by_error) found_.causes.push_back({error, std::move(numbers)});
    std::stable_sort(
        found_.causes.begin(), found_.causes.end(),
        [](const Cause& a, const Cause& b) { return a.trials.size() > b.trials.size(); });
  }

  void best() {
    const std::vector<TrialResult> all = view_.best_trials();
    if (all.empty()) return;
    found_.best = all.front();
    const std::optional<ModelBest> by_model = model_best(view_.study());
    if (!by_model) return;
    found_.noise = by_model->estimate.noise;
    found_.best = by_model->trial;
  }

  void importances() {
    std::vector<std::vector<double>> values;
    for (const TrialResult& t : trials_) {
      if (counts(t)) values.push_back(t.values);
    }
    if (values.size() < kFewest) return;
    const auto differs = [&](const auto& v) { return v != values.front(); };
    found_.all_equal = std::none_of(values.begin(), values.end(), differs);
    if (found_.all_equal || !any_varies()) return;
    try {
      for (const ParamImportance& p : tune::importances(view_)) {
        found_.params.push_back({p.name, p.importance, edge(p.name)});
      }
    } catch (const ValueError&) {
      // No finite values, or no parameters: nothing to say.
    }
  }

  // Of parameters that never vary there is nothing to say, though shares of them sum up to 1.
  bool any_varies() const {
    const Params* first = nullptr;
    for (const TrialResult& t : trials_) {
      if (!counts(t)) continue;
      if (!first) first = &t.params;
      if (t.params.to_string() != first->to_string()) return true;
    }
    return false;
  }

  ParamFinding::Edge edge(const std::string& name) const {
    using Edge = ParamFinding::Edge;
    const Param* param = space_.find(name);
    if (!found_.best || !param || param->kind == Param::Kind::categorical) return Edge::none;
    const ParamValue* value = found_.best->params.find(name);
    if (!value || param->low == param->high) return Edge::none;
    const double number = param->internal(*value);
    const auto on_scale = [&](double x) { return param->log ? std::log(x) : x; };
    const double place =
        (on_scale(number) - on_scale(param->low)) / (on_scale(param->high) - on_scale(param->low));
    return place <= kEdge ? Edge::low : place >= 1 - kEdge ? Edge::high : Edge::none;
  }

  // Fresh runs of the best and of the default configuration say more than any model.
  void confirmed_gain() {
    const std::optional<ConfirmResult> r = confirmed(view_.study());
    if (!r) return;
    found_.best = view_.trial(r->winner().number);
    if (!std::isfinite(r->gain)) return;
    found_.gain = Gain{r->gain, r->gain_low, r->gain_high, r->optimism, true};
  }

  void model() {
    const auto known = std::count_if(trials_.begin(), trials_.end(),
                                     [this](const TrialResult& t) { return counts(t); });
    if (static_cast<size_t>(known) < kFewest) return;
    const Domain domain(space_);
    const std::optional<Point> at = point_of(found_.best->params, space_, domain);
    if (!at) return;
    const std::vector<Surrogate::Weighted> models = Surrogate::fit_at_noise_levels(
        {view_.size(), view_.study().seed(), space_, history_}, domain);
    if (models.empty()) return;
    const Point start = default_point(space_, domain);
    found_.best_is_default = internal::same_point(*at, start);
    const Gain gain = modelled_gain(models, *at, start, domain);
    if (!found_.gain) found_.gain = gain;

    const Rng rng = Rng(view_.study().seed()).fork("report");
    const std::vector<Point> points = candidates(domain, *at, rng.fork("points"));
    if (points.empty()) return;
    std::vector<double> gains;
    double noise = 0;
    for (const auto& [weight, model] : models) {
      const auto draws = static_cast<int64_t>(std::ceil(weight * kDraws));
      const std::vector<double> some = model.possible_gains(
          *at, points, draws, rng.fork("draws").fork(static_cast<int64_t>(gains.size())));
      gains.insert(gains.end(), some.begin(), some.end());
      noise = std::hypot(noise, std::sqrt(weight) * model.noise());
    }
    std::sort(gains.begin(), gains.end());
    Outlook outlook;
    for (const double g : gains) outlook.likely += g / static_cast<double>(gains.size());
    outlook.high = gains[gains.size() * 95 / 100];
    const double found_so_far = std::max(found_.gain->value, beyond_the_middle());
    outlook.converged = outlook.likely <= std::max(kSmallGain * found_so_far, kSmallNoise * noise);
    found_.outlook = outlook;
  }

  // The mixture of the models has the mean of their means, and the variance within and between
  // them.
  Gain modelled_gain(const std::vector<Surrogate::Weighted>& models, const Point& at,
                     const Point& start, const Domain& domain) const {
    const double sign = history_.signs().front();
    const std::optional<double> tried = loss_of(start, domain);
    double mean = 0, best = 0;
    std::vector<std::pair<double, Estimate>> differences;  // with their weights
    for (const auto& [weight, model] : models) {
      Estimate d = model.difference(start, at);
      const Estimate there = model(start), here = model(at);
      // Absurdly high losses are brought down for the model; the default's own is believed.
      const double doubt = 4 * std::hypot(there.deviation, there.noise);
      if (tried && std::abs(*tried - there.mean) > doubt) {
        d = {*tried - here.mean, std::hypot(here.deviation, here.noise), here.noise};
      }
      differences.emplace_back(weight, d);
      mean += weight * d.mean;
      best += weight * here.mean;
    }
    double deviation = 0;  // by hypot: squares of huge losses overflow
    for (const auto& [weight, d] : differences) {
      const double spread = std::hypot(d.deviation, d.mean - mean);
      deviation = std::hypot(deviation, std::sqrt(weight) * spread);
    }
    return {.value = mean,
            .low = mean - kBelow * deviation,
            .high = mean + kAbove * deviation,
            .optimism = best - sign * found_.best->value};
  }

  // How much better the best value is than the middle one.
  double beyond_the_middle() const {
    std::vector<double> losses;
    for (const TrialResult& t : trials_) {
      if (counts(t)) losses.push_back(history_.signs().front() * t.value);
    }
    std::sort(losses.begin(), losses.end());
    return losses[losses.size() / 2] - losses.front();
  }

  std::optional<double> loss_of(const Point& point, const Domain& domain) const {
    for (const TrialResult& t : trials_) {
      if (!counts(t)) continue;
      const std::optional<Point> at = point_of(t.params, space_, domain);
      if (at && internal::same_point(*at, point)) return history_.signs().front() * t.value;
    }
    return std::nullopt;
  }

  const StudyView& view_;
  const std::vector<TrialResult> trials_;
  const History history_;
  const Space space_;
  const std::optional<KeptSpace> kept_;
  Findings found_;
};

}  // namespace

Findings findings(const StudyView& view) { return Finder(view).find(); }

}  // namespace attune::tune
