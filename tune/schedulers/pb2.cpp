// Population based bandits (PB2), Parker-Holder, Nguyen and Roberts (2020): population based
// training whose forks get parameters from a time-varying Gaussian process bandit. Its reward is
// what a member gained in an interval; here gains are compared within their interval, since they
// shrink as training goes on.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/internal/math/dense.h"
#include "attune/tune/schedulers.h"
#include "attune/tune/schedulers/internal/population_scheduler.h"
#include "attune/tune/schedulers/internal/rungs.h"

namespace attune::tune {
namespace {

constexpr size_t kPoints = 160;      // the latest gains that the model learns from
constexpr double kDrawnAnew = 0.25;  // choices, so often
constexpr int kRandom = 200, kNear = 100, kNearer = 60;  // places that are looked at
constexpr double kNearBy = 0.15, kVeryNear = 0.04;       // deviations, in units
constexpr double kLengths[] = {0.1, 0.2, 0.4, 0.8, 1.6};
constexpr double kForgets[] = {0.0, 0.05, 0.15, 0.4};  // the paper's epsilon, by interval
constexpr double kNoises[] = {0.01, 0.1, 0.5};
constexpr double kC1 = 0.2, kC2 = 0.4;  // of the confidence bound, as in the paper's experiments

using Place = std::vector<double>;  // by the parent's parameters: a unit, or a choice's number

struct Gain {
  Place place = {};
  double time = 0;  // in intervals
  double gain = 0;
};

class GainModel {
 public:
  GainModel(std::vector<Gain> gains, std::vector<bool> categorical)
      : gains_(std::move(gains)), categorical_(std::move(categorical)) {
    double best = -std::numeric_limits<double>::infinity();
    Settings kept = settings_;
    for (const double length : kLengths) {
      for (const double forgets : kForgets) {
        for (const double noise : kNoises) {
          settings_ = {length, forgets, noise};
          const double now = solve();
          if (now > best) best = now, kept = settings_;
        }
      }
    }
    settings_ = kept;
    solve();
  }

  struct Estimate {
    double mean = 0, deviation = 1;
  };
  Estimate at(const Place& place, double time) const {
    const size_t n = gains_.size();
    std::vector<double> k(n);
    double mean = 0, variance = 1;
    for (size_t i = 0; i < n; ++i) {
      k[i] = covariance(gains_[i], {place, time, 0});
      mean += k[i] * weights_[i];
    }
    internal::lower_times(inverse_.data(), n, k.data());
    for (const double v : k) variance -= v * v;
    return {mean, std::sqrt(std::max(variance, 1e-10))};
  }

  // A place that will be tried: it leaves nothing to find out there, and the means as they are.
  void expect(const Place& place, double time) {
    gains_.push_back({place, time, at(place, time).mean});
    solve();
  }

 private:
  struct Settings {
    double length = 0.4, forgets = 0.05, noise = 0.1;
  };

  double covariance(const Gain& a, const Gain& b) const {
    double distance2 = 0;
    for (size_t i = 0; i < a.place.size(); ++i) {
      double d = a.place[i] - b.place[i];
      if (categorical_[i]) d = d != 0 ? 1 : 0;
      distance2 += d * d;
    }
    return std::exp(-distance2 / (2 * settings_.length * settings_.length)) *
           std::pow(1 - settings_.forgets, std::abs(a.time - b.time) / 2);
  }

  // The logarithm of the likelihood, but for what is the same for all settings.
  double solve() {
    const size_t n = gains_.size();
    std::vector<double> k(n * n, 0.0);
    for (size_t j = 0; j < n; ++j) {
      for (size_t i = j; i < n; ++i) k[i + j * n] = covariance(gains_[i], gains_[j]);
      k[j + j * n] += settings_.noise;
    }
    if (!internal::cholesky(k.data(), n)) return -std::numeric_limits<double>::infinity();
    double likelihood = 0;
    for (size_t j = 0; j < n; ++j) likelihood -= std::log(k[j + j * n]);
    internal::invert_lower(k.data(), n);
    weights_.resize(n);
    for (size_t i = 0; i < n; ++i) weights_[i] = gains_[i].gain;
    internal::lower_times(k.data(), n, weights_.data());
    for (const double w : weights_) likelihood -= w * w / 2;
    internal::lower_transposed_times(k.data(), n, weights_.data());
    inverse_ = std::move(k);
    return likelihood;
  }

  std::vector<Gain> gains_;
  std::vector<bool> categorical_;
  Settings settings_;
  std::vector<double> inverse_, weights_;  // L^-1 and K^-1 y, with K = L L'
};

// Those of each interval alike: mean 0, deviation 1.
void standardize(std::vector<Gain>& gains) {
  for (size_t begin = 0; begin < gains.size();) {
    size_t end = begin;
    while (end < gains.size() && gains[end].time == gains[begin].time) ++end;
    const auto count = static_cast<double>(end - begin);
    double mean = 0, squares = 0;
    for (size_t i = begin; i < end; ++i) mean += gains[i].gain / count;
    for (size_t i = begin; i < end; ++i) squares += std::pow(gains[i].gain - mean, 2) / count;
    const double deviation = squares > 0 ? std::sqrt(squares) : 1;
    for (size_t i = begin; i < end; ++i) gains[i].gain = (gains[i].gain - mean) / deviation;
    begin = end;
  }
}

class Pb2 : public internal::PopulationScheduler {
 public:
  explicit Pb2(Pb2Options options) : PopulationScheduler("pb2", options.size, options.interval) {}

 protected:
  // All forks of a comparison are chosen together, from what was known before it, so that the
  // result does not depend on how far the first of them have come.
  Params explored(const Fork& fork, Rng& rng) const override {
    const TrialRecord& parent = record(fork.now, fork.parent);
    std::vector<bool> categorical;
    Place home;
    for (const TrialRecord::Use& use : parent.params) {
      const Param& param = *fork.now.history.params()[static_cast<size_t>(use.param)];
      categorical.push_back(param.kind == Param::Kind::categorical);
      home.push_back(categorical.back() ? use.value : param.to_unit(use.value));
    }
    std::vector<Gain> gains = gains_before(fork, parent);
    const auto time = static_cast<double>(fork.round + 1);
    if (gains.size() < 2) return chosen(fork, parent, drawn(fork, parent, home, rng, 0));
    standardize(gains);
    GainModel model(std::move(gains), categorical);
    const double beta = kC1 * std::log(1 + kC2 * time);
    Place best;
    for (int64_t place = 0; place <= fork.place; ++place) {
      // The forks before have other parents, which choose other categories; that is left aside.
      Rng own = Rng(fork.now.seed).fork("pb2").fork(fork.round).fork(place);
      best = search(fork, parent, home, own, [&](const Place& p) {
        const GainModel::Estimate e = model.at(p, time);
        return e.mean + std::sqrt(beta) * e.deviation;
      });
      if (place < fork.place) model.expect(best, time);
    }
    return chosen(fork, parent, best);
  }

 private:
  // What members gained in the intervals up to the comparison, by interval.
  std::vector<Gain> gains_before(const Fork& fork, const TrialRecord& parent) const {
    std::vector<Gain> gains;
    for (int64_t round = fork.round; round >= 1 && gains.size() < kPoints; --round) {
      for (const TrialRecord* trial : fork.members) {
        if (trial->fork_step + 1 > (round - 1) * interval()) continue;  // it was made later
        const TrialRecord::Report* now = report_of(*trial, round, fork.now.history);
        if (!now || !std::isfinite(now->loss)) continue;
        double before = 0;  // at first there is none: who is better now has gained more
        if (round > 1) {
          const TrialRecord::Report* earlier = report_of(*trial, round - 1, fork.now.history);
          if (!earlier || !std::isfinite(earlier->loss)) continue;
          before = earlier->loss;
        }
        gains.push_back({place_of(*trial, parent, fork.now.history), static_cast<double>(round),
                         before - now->loss});
      }
    }
    return gains;
  }

  // The trial's, or what it inherited.
  const TrialRecord::Report* report_of(const TrialRecord& trial, int64_t round,
                                       const History& history) const {
    const int64_t steps = round * interval();
    if (trial.parent >= 0 && steps <= trial.fork_step + 1) {
      return report_of(history.trials()[static_cast<size_t>(trial.parent)], round, history);
    }
    return internal::report_after(trial, steps);
  }

  static Place place_of(const TrialRecord& trial, const TrialRecord& parent,
                        const History& history) {
    Place place;
    for (const TrialRecord::Use& use : parent.params) {
      const Param& param = *history.params()[static_cast<size_t>(use.param)];
      double unit = history.unit(trial, param);
      if (param.kind == Param::Kind::categorical && !std::isnan(unit)) unit = param.from_unit(unit);
      place.push_back(std::isnan(unit) ? -1 : unit);
    }
    return place;
  }

  // Near home, or, without `deviation`, anywhere; choices mostly stay.
  static Place drawn(const Fork& fork, const TrialRecord& parent, const Place& home, Rng& rng,
                     double deviation) {
    Place place;
    for (size_t i = 0; i < home.size(); ++i) {
      const Param& param = *fork.now.history.params()[static_cast<size_t>(parent.params[i].param)];
      if (param.kind == Param::Kind::categorical) {
        const bool anew = rng.uniform() < kDrawnAnew;
        place.push_back(anew ? param.from_unit(rng.uniform()) : home[i]);
        continue;
      }
      const double unit =
          deviation > 0 ? std::clamp(home[i] + deviation * rng.normal(), 0.0, 1.0) : rng.uniform();
      place.push_back(param.to_unit(param.from_unit(unit)));
    }
    return place;
  }

  template <typename Score>
  Place search(const Fork& fork, const TrialRecord& parent, const Place& home, Rng& rng,
               Score&& score) const {
    Place best = home;
    double most = -std::numeric_limits<double>::infinity();
    for (int i = 0; i < kRandom + kNear + kNearer; ++i) {
      const double deviation = i < kRandom ? 0 : i < kRandom + kNear ? kNearBy : kVeryNear;
      Place place = drawn(fork, parent, i < kRandom + kNear ? home : best, rng, deviation);
      if (!allowed(fork, parent, place)) continue;
      if (const double now = score(place); now > most) most = now, best = std::move(place);
    }
    return best;
  }

  static double value_at(const Param& param, double at) {
    return param.kind == Param::Kind::categorical ? at : param.from_unit(at);
  }

  static bool allowed(const Fork& fork, const TrialRecord& parent, const Place& place) {
    if (!fork.now.space.restricted()) return true;
    std::vector<double> values = fork.now.space.default_values();
    for (size_t i = 0; i < place.size(); ++i) {
      const Param& param = *fork.now.history.params()[static_cast<size_t>(parent.params[i].param)];
      for (size_t j = 0; j < values.size(); ++j) {
        if (fork.now.space.params()[j].name == param.name) values[j] = value_at(param, place[i]);
      }
    }
    return fork.now.space.allowed(values);
  }

  static Params chosen(const Fork& fork, const TrialRecord& parent, const Place& place) {
    size_t i = 0;
    return changed_params(fork.now, parent, [&](const Param& param, double) {
      return value_at(param, place[i++ % place.size()]);
    });
  }
};

}  // namespace

std::shared_ptr<const Scheduler> pb2(Pb2Options options) { return std::make_shared<Pb2>(options); }

}  // namespace attune::tune
