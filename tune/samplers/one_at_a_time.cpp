// One parameter after the other: the search that people do by hand, and can explain afterwards.
// From the best point known, each trial changes one parameter (of the two with the most influence,
// sometimes both). Step sizes shrink with the trials spent on a parameter, as in Hooke and Jeeves's
// direct search (1961); three points on a line suggest a fourth, the parabola's lowest. All is read
// off the finished trials anew: which of them differ in one parameter alone, and by how much.

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <optional>
#include <utility>

#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kSame = 1e-9;       // units nearer than that are one
constexpr double kFirstStep = 0.25;  // of the range
constexpr double kLastStep = 1e-4;
constexpr int kTrialsPerStep = 4;  // spent on a parameter before its first step is halved
constexpr size_t kCompared = 200;  // the latest trials, for influence
constexpr int64_t kLooks = 2;      // at a range before any search
constexpr int64_t kChoiceLooks = 3;

struct Tried {
  std::vector<double> units;  // NaN: inactive
  double loss = kNaN;         // of complete trials
};

bool same(double a, double b) { return std::abs(a - b) <= kSame; }

// The one parameter in which the two differ, -1: none, -2: several. What is active in one of them
// only came and went with its parent.
int64_t difference(const Tried& a, const Tried& b) {
  int64_t found = -1;
  for (size_t i = 0; i < a.units.size(); ++i) {
    if (std::isnan(a.units[i]) || std::isnan(b.units[i]) || same(a.units[i], b.units[i])) continue;
    if (found >= 0) return -2;
    found = static_cast<int64_t>(i);
  }
  return found;
}

class Search {
 public:
  // Losses of trials from `limit` on are not known; `pending` are points of trials that are hidden.
  Search(const Question& question, int64_t limit, const std::vector<Tried>& pending)
      : space_(question.space) {
    for (const TrialRecord& trial : question.history.trials()) {
      if (trial.number == question.number || trial.state == State::waiting) continue;
      Tried one;
      for (const Param& p : params()) one.units.push_back(question.history.unit(trial, p));
      const bool complete = trial.state == State::complete && trial.number < limit;
      if (complete && std::isfinite(trial.loss())) one.loss = trial.loss();
      tried_.push_back(std::move(one));
    }
    tried_.insert(tried_.end(), pending.begin(), pending.end());
    for (const Param& p : params()) base_.push_back(p.to_unit(p.default_value()));
    const Tried* best = nullptr;
    for (const Tried& one : tried_) {
      if (!std::isnan(one.loss) && (!best || one.loss < best->loss)) best = &one;
    }
    for (size_t i = 0; best && i < base_.size(); ++i) {
      if (!std::isnan(best->units[i])) base_[i] = best->units[i];
    }
    if (best) best_loss_ = best->loss;
    compare();
  }

  std::optional<std::vector<double>> next() {
    offer(base_);
    for (size_t i = 0; i < base_.size() && !answer_; ++i) look(i);
    std::vector<size_t> order(base_.size());
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return influence_[a] > influence_[b]; });
    for (double share = 1; share * kFirstStep >= kLastStep && !answer_; share /= 2) {
      for (size_t k = 0; k < order.size() && !answer_; ++k) {
        bend(order[k], share);
        for (const double unit : neighbors(order[k], share)) offer(changed(order[k], unit));
      }
      if (order.size() < 2) continue;
      for (const double u : neighbors(order[0], share)) {
        for (const double v : neighbors(order[1], share)) {
          std::vector<double> both = changed(order[0], u);
          both[order[1]] = v;
          offer(std::move(both));
        }
      }
    }
    return std::move(answer_);
  }

  bool new_and_allowed(const std::vector<double>& units) const {
    const std::vector<double> values = space_.to_values(units);
    if (!space_.allowed(values)) return false;
    const std::vector<bool> active = space_.active(values);
    return std::none_of(tried_.begin(), tried_.end(), [&](const Tried& one) {
      for (size_t i = 0; i < units.size(); ++i) {
        if (active[i] == std::isnan(one.units[i])) return false;
        if (active[i] && !same(one.units[i], params()[i].to_unit(values[i]))) return false;
      }
      return true;
    });
  }

 private:
  const std::vector<Param>& params() const { return space_.params(); }

  std::vector<double> changed(size_t i, double unit) const {
    std::vector<double> units = base_;
    units[i] = unit;
    return units;
  }

  // The first that is new is the answer.
  void offer(std::vector<double> units) {
    if (!answer_ && new_and_allowed(units)) answer_ = std::move(units);
  }

  // What pairs of trials that differ in one parameter say of it.
  void compare() {
    influence_.assign(base_.size(), 0);
    spent_.assign(base_.size(), 0);
    looks_.assign(base_.size(), 0);
    const size_t begin = tried_.size() > kCompared ? tried_.size() - kCompared : 0;
    for (size_t a = begin; a < tried_.size(); ++a) {
      std::vector<int64_t> partners(base_.size());
      for (size_t b = begin; b < tried_.size(); ++b) {
        const int64_t d = a == b ? -1 : difference(tried_[a], tried_[b]);
        if (d < 0) continue;
        const auto i = static_cast<size_t>(d);
        if (++partners[i] == 1) ++spent_[i];
        const double change = std::abs(tried_[a].loss - tried_[b].loss);
        if (change > influence_[i]) influence_[i] = change;  // false for NaN
      }
      for (size_t i = 0; i < partners.size(); ++i) looks_[i] = std::max(looks_[i], partners[i]);
    }
  }

  // A few values that are far apart, so that its influence is known.
  void look(size_t i) {
    const Param& p = params()[i];
    const bool choice = p.kind == Param::Kind::categorical;
    int64_t wanted = choice ? std::min(p.levels() - 1, kChoiceLooks) : kLooks;
    if (p.levels() > 0) wanted = std::min(wanted, p.levels() - 1);
    if (looks_[i] >= wanted) return;
    if (choice) {
      for (int64_t k = 0; k < p.levels(); ++k) offer(changed(i, p.to_unit(static_cast<double>(k))));
    } else {
      offer(changed(i, base_[i] / 2));
      offer(changed(i, (1 + base_[i]) / 2));
    }
  }

  double step(size_t i, double share) const {
    return std::max(kFirstStep * std::pow(0.5, spent_[i] / kTrialsPerStep), 4 * kLastStep) * share;
  }

  // The values on both sides of the best one, and all other choices.
  std::vector<double> neighbors(size_t i, double share) const {
    const Param& p = params()[i];
    std::vector<double> units;
    if (p.kind == Param::Kind::categorical) {
      for (int64_t k = 0; k < p.levels(); ++k) units.push_back(p.to_unit(static_cast<double>(k)));
      return units;
    }
    if (p.levels() > 0) {
      const int64_t last = p.levels() - 1, at = p.level_of(p.from_unit(base_[i]));
      const auto wide =
          static_cast<int64_t>(std::round(step(i, share) * static_cast<double>(last)));
      for (const int64_t k : {at + std::max<int64_t>(wide, 1), at - std::max<int64_t>(wide, 1)}) {
        units.push_back(p.to_unit(p.level_value(std::clamp<int64_t>(k, 0, last))));
      }
      return units;
    }
    for (const double u : {base_[i] + step(i, share), base_[i] - step(i, share)}) {
      units.push_back(std::clamp(u, 0.0, 1.0));
    }
    return units;
  }

  // The lowest point of the parabola through the best point and its neighbours on the line.
  void bend(size_t i, double share) {
    const Param& p = params()[i];
    if (answer_ || p.kind == Param::Kind::categorical) return;
    const Tried *left = nullptr, *right = nullptr;
    const Tried here{base_, best_loss_};
    for (const Tried& one : tried_) {
      if (std::isnan(one.loss) || difference(one, here) != static_cast<int64_t>(i)) continue;
      const double u = one.units[i];
      if (u < base_[i] && (!left || u > left->units[i])) left = &one;
      if (u > base_[i] && (!right || u < right->units[i])) right = &one;
    }
    if (!left || !right) return;
    const double a = left->units[i] - base_[i], b = right->units[i] - base_[i];
    const double fa = left->loss - best_loss_, fb = right->loss - best_loss_;
    const double down = fa * b - fb * a;  // above 0: fa and fb are, and a is below
    const double move = 0.5 * (fa * b * b - fb * a * a) / down;
    if (std::isfinite(move) && std::abs(move) > step(i, share) / 8) {
      offer(changed(i, std::clamp(base_[i] + move, left->units[i], right->units[i])));
    }
  }

  const Space& space_;
  std::vector<Tried> tried_;
  std::vector<double> base_;
  double best_loss_ = kNaN;
  std::vector<double> influence_;
  std::vector<int64_t> spent_, looks_;
  std::optional<std::vector<double>> answer_;
};

class OneAtATimeSampler : public Sampler {
 public:
  std::vector<double> propose(const Question& question, Rng& rng) override {
    if (question.space.empty()) return {};
    Search search(question, question.number, hidden(question));
    if (auto units = search.next()) return std::move(*units);
    std::vector<double> units(question.space.size());  // nothing is left nearby
    for (int turn = 0; turn < 100; ++turn) {
      for (double& u : units) u = rng.uniform();
      if (search.new_and_allowed(units)) break;
    }
    return units;
  }

  // A parameter that comes up late has a search of its own.
  double sample(const Question& question, const Param& param, Rng& rng) override {
    Param alone = param;
    alone.conditions.clear();
    Space space;
    space.add(param.name, std::move(alone));
    return propose({question.number, question.seed, space, question.history}, rng)[0];
  }

 private:
  // A deterministic study does not show the latest trials. What they were given follows from what
  // they were shown: all but as many before them.
  static std::vector<Tried> hidden(const Question& question) {
    const Space& space = question.space;
    const auto known = static_cast<int64_t>(question.history.trials().size());
    std::vector<Tried> pending;
    for (int64_t number = known; number < question.number; ++number) {
      Search search(question, number - (question.number - known), pending);
      std::optional<std::vector<double>> units = search.next();
      if (!units) continue;  // it got a random point
      const std::vector<double> values = space.to_values(*units);
      const std::vector<bool> active = space.active(values);
      for (size_t i = 0; i < values.size(); ++i) {
        (*units)[i] = active[i] ? space.params()[i].to_unit(values[i]) : kNaN;
      }
      pending.push_back({std::move(*units), kNaN});
    }
    return pending;
  }
};

}  // namespace

std::shared_ptr<Sampler> one_at_a_time() { return std::make_shared<OneAtATimeSampler>(); }

}  // namespace attune::tune
