// Freeze-thaw Bayesian optimization, Swersky, Snoek and Adams (2014), with the acquisition of ifBO
// (Rakotoarison et al., "In-context freeze-thaw Bayesian optimization for hyperparameter
// optimization", 2024): the chance to be better than now, by a margin and after steps that are
// drawn anew for each decision.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/rng.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/schedulers/internal/curve_model.h"
#include "attune/tune/schedulers/internal/rungs.h"

namespace attune::tune {
namespace {

using internal::CurveModel;

constexpr size_t kPoints = 240;          // of the model
constexpr int kRandom = 96, kNear = 48;  // new configurations that are looked at
constexpr double kNearBy = 0.1;          // of a unit
constexpr double kHopeful = 0.05;        // chance to be better that is worth going on for

double chance_below(double limit, const CurveModel::Estimate& e) {
  return std::erfc((e.mean - limit) / (e.deviation * std::sqrt(2.0))) / 2;
}

class FreezeThaw : public Scheduler {
 public:
  explicit FreezeThaw(FreezeThawOptions options) : options_(options) {
    if (options.max_steps < 1 || options.interval < 0 || options.startup_trials < 1) {
      throw ValueError(fmt::format(
          "freeze_thaw: max_steps ({}) and startup_trials ({}) must be 1 or more, interval ({}) 0 "
          "or more",
          options.max_steps, options.startup_trials, options.interval));
    }
    if (options_.interval == 0) options_.interval = std::max<int64_t>(options.max_steps / 50, 1);
  }

  Verdict after(const TrialRecord& trial, const History&) const override {
    if (internal::is_nan(trial.reports.back())) return Verdict::stop;
    const int64_t now = trial.reports.back().step + 1;
    const bool arrives = now / options_.interval > trial.resume_step / options_.interval;
    return arrives && now < options_.max_steps ? Verdict::pause : Verdict::go_on;
  }

  Next next(const Situation& now) const override {
    const History& history = now.history;
    int64_t begun = 0, reports = 0;
    for (const TrialRecord& trial : history.trials()) {
      begun += trial.state != State::waiting;
      reports += static_cast<int64_t>(trial.reports.size());
    }
    const bool waiting = history.count(State::waiting) > 0;  // enqueued, or hidden
    if (now.may_start && begun < options_.startup_trials) return {};
    std::vector<CurveModel::Point> points = known(now);
    if (points.empty()) {
      if (now.may_start) return {};
      return history.count(State::running) > 0 ? Next::wait() : Next{};
    }
    std::vector<bool> categorical;
    for (const Param& p : now.space.params()) {
      categorical.push_back(p.kind == Param::Kind::categorical);
    }
    const auto longest = static_cast<double>(options_.max_steps);
    const CurveModel model(std::move(points), std::move(categorical), longest);

    Rng rng = Rng(now.seed).fork("freeze_thaw").fork(reports).fork(begun);
    const double ahead = std::exp(rng.uniform() * std::log(longest));
    const double margin = now.may_start ? std::pow(10, -3 + 2 * rng.uniform()) : 0;
    const double limit = model.best() - margin * model.scale();
    double best = -1;
    int64_t resumed = -1;
    for (const int64_t number : history.open()) {
      const TrialRecord& trial = history.trials()[static_cast<size_t>(number)];
      if (!internal::paused(trial)) continue;
      const auto done = static_cast<double>(trial.resume_step);
      const double until = now.may_start ? std::min(done + ahead, longest) : longest;
      const double chance = chance_below(limit, model.at({place_of(trial, now), number, until, 0}));
      if (chance > best) best = chance, resumed = number;
    }
    if (!now.may_start) return finish(history, best, resumed);
    Params chosen;
    bool fresh = resumed < 0;
    for (int i = 0; i < kRandom + kNear; ++i) {
      const std::vector<double> values = i < kRandom ? random(now, rng) : near_best(now, rng);
      if (!now.space.allowed(values)) continue;
      const double chance = chance_below(
          limit, model.at({place_of(values, now.space), -1, std::min(ahead, longest), 0}));
      if (chance <= best) continue;
      best = chance, fresh = true;
      chosen = now.space.to_params(values);
    }
    if (!fresh) return Next::resume(resumed);
    Next start;
    if (!waiting) start.params = std::move(chosen);
    return start;
  }

 private:
  // No more start: the most hopeful go on to their ends, until one has, and none is likely to be
  // better.
  static Next finish(const History& history, double best, int64_t resumed) {
    if (resumed >= 0 && (best > kHopeful || history.count(State::complete) == 0)) {
      return Next::resume(resumed);
    }
    return history.count(State::running) > 0 ? Next::wait() : Next{};
  }

  static std::vector<double> place_of(const TrialRecord& trial, const Situation& now) {
    std::vector<double> place;
    for (const Param& p : now.space.params()) {
      double unit = now.history.unit(trial, p);
      if (p.kind == Param::Kind::categorical && !std::isnan(unit)) unit = p.from_unit(unit);
      place.push_back(std::isnan(unit) ? -1 : unit);
    }
    return place;
  }

  static std::vector<double> place_of(const std::vector<double>& values, const Space& space) {
    std::vector<double> place;
    const std::vector<bool> active = space.active(values);
    for (size_t i = 0; i < values.size(); ++i) {
      const Param& p = space.params()[i];
      const bool choice = p.kind == Param::Kind::categorical;
      place.push_back(!active[i] ? -1 : choice ? values[i] : p.to_unit(values[i]));
    }
    return place;
  }

  static std::vector<double> random(const Situation& now, Rng& rng) {
    std::vector<double> values;
    for (const Param& p : now.space.params()) values.push_back(p.from_unit(rng.uniform()));
    return values;
  }

  // Beside the best so far.
  static std::vector<double> near_best(const Situation& now, Rng& rng) {
    const TrialRecord* best = nullptr;
    double least = std::numeric_limits<double>::infinity();
    for (const TrialRecord& trial : now.history.trials()) {
      if (trial.state == State::failed || trial.reports.empty() || trial.violation() > 0) continue;
      if (trial.reports.back().loss < least) best = &trial, least = trial.reports.back().loss;
    }
    if (!best) return random(now, rng);
    std::vector<double> values;
    for (const Param& p : now.space.params()) {
      const double unit = now.history.unit(*best, p);
      const bool anew = std::isnan(unit) || rng.uniform() < kNearBy;
      const double u = anew ? rng.uniform() : unit + kNearBy * rng.normal();
      const bool kept = !anew && p.kind == Param::Kind::categorical;
      values.push_back(p.from_unit(kept ? unit : std::clamp(u, 0.0, 1.0)));
    }
    return values;
  }

  // The reports that the model learns from: the last of each trial, those after half as many steps,
  // and so on; with too many, only the last of those that are behind.
  std::vector<CurveModel::Point> known(const Situation& now) const {
    std::vector<const TrialRecord*> trials;
    for (const TrialRecord& trial : now.history.trials()) {
      const bool use = trial.state != State::failed && !trial.reports.empty() &&
                       std::isfinite(trial.reports.back().loss);
      if (use) trials.push_back(&trial);
    }
    std::stable_sort(trials.begin(), trials.end(), [](const auto* a, const auto* b) {
      return a->reports.back().loss < b->reports.back().loss;
    });
    std::vector<CurveModel::Point> last, before;
    for (const TrialRecord* trial : trials) {
      const std::vector<double> place = place_of(*trial, now);
      int64_t behind = std::numeric_limits<int64_t>::max();
      for (auto report = trial->reports.rbegin(); report != trial->reports.rend(); ++report) {
        const int64_t steps = report->step + 1;
        const bool first = behind == std::numeric_limits<int64_t>::max();
        if (!std::isfinite(report->loss) || (!first && steps > behind)) continue;
        (first ? last : before)
            .push_back({place, trial->number, static_cast<double>(steps), report->loss});
        behind = steps / 2;
      }
    }
    if (last.size() > kPoints) last.resize(kPoints);
    before.resize(std::min(before.size(), kPoints - last.size()));
    last.insert(last.end(), before.begin(), before.end());
    return last;
  }

  FreezeThawOptions options_;
};

}  // namespace

std::shared_ptr<const Scheduler> freeze_thaw(FreezeThawOptions options) {
  return std::make_shared<FreezeThaw>(options);
}

}  // namespace attune::tune
