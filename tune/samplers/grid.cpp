// Every combination once, in an order that is settled ahead. Trial k takes the k-th point of it
// unless somebody has done it; what is left over (points of trials that failed, of enqueued ones)
// comes at the end.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/configurations.h"
#include "attune/base/internal/text.h"
#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

class GridSampler : public Sampler {
 public:
  GridSampler(Space space, GridOptions options) : own_(std::move(space)), order_(options.order) {
    if (!own_.empty()) plan(own_.given(own_.frozen()), 0);
  }

  bool starts_with_defaults() const override { return false; }
  const Space* space() const override { return own_.empty() ? nullptr : &own_; }

  std::vector<double> propose(const Question& question, Rng&) override {
    const Space& space = searched(question);
    const std::vector<int64_t>& points = plan(space, question.seed);
    const auto count = static_cast<int64_t>(points.size());
    const Visits running = look(space, question);
    int64_t point = points[static_cast<size_t>(question.number % count)];
    if (done(running, point)) {
      // Points further on will be taken by trials to come; begin with those that were passed over.
      const auto open = first_open(points, running);
      if (open != points.end()) point = *open;
    }
    return units(space, question.space, point);
  }

  double sample(const Question& question, const Param& param, Rng& rng) override {
    if (const Param* known = searched(question).find(param.name)) {
      return param.to_unit(known->from_unit(rng.uniform()));  // active only on another branch: any
    }
    throw SearchSpaceError(
        fmt::format("param {}: grid() does not know it; name all parameters in "
                    "StudyOptions::space or grid(space)",
                    in_quotes(param.name)));
  }

  bool exhausted(const Question& question) override {
    const Space& space = searched(question);
    if (space.empty()) return false;
    const std::vector<int64_t>& points = plan(space, question.seed);
    return first_open(points, look(space, question)) == points.end();
  }

 private:
  static constexpr int64_t kMost = 10'000'000;

  // Its own space, unless the study holds some of that at a value.
  const Space& searched(const Question& question) const {
    if (own_.empty()) return question.space;
    const auto& asked = question.space.params();
    const bool part = !asked.empty() && asked.size() < own_.size() &&
                      std::all_of(asked.begin(), asked.end(),
                                  [&](const Param& p) { return own_.find(p.name) != nullptr; });
    return part ? question.space : own_;
  }

  // The numbers of the combinations to visit, in order: allowed ones, an inactive parameter at its
  // first level only.
  const std::vector<int64_t>& plan(const Space& space, uint64_t seed) {
    const bool same_seed = order_ != GridOrder::shuffled || seed == planned_seed_;
    if (!plan_.empty() && space.size() == planned_.size() && same_seed && same_levels(space)) {
      return plan_;
    }
    for (const Param& p : space.params()) {
      if (p.levels() > 0) continue;
      throw SearchSpaceError(
          fmt::format("param {}: grid() needs a finite range; give it a step, or values by "
                      "linear_grid, log_grid",
                      in_quotes(p.name)));
    }
    const int64_t total = space.combinations();
    if (total == 0 || total > kMost) {
      throw SearchSpaceError(
          fmt::format("grid: the space has {} combinations; at most {} can be listed",
                      total == 0 ? "too many" : fmt::format("{}", total), kMost));
    }
    plan_.clear();
    for (int64_t index = 0; index < total; ++index) {
      if (!space.conditional() && !space.restricted()) {
        plan_.push_back(index);
        continue;
      }
      const std::vector<double> values = internal::combination(space, index);
      if (canonical(space, values) == index && space.allowed(values)) plan_.push_back(index);
    }
    if (plan_.empty()) {
      std::string names;
      for (const Param& p : space.params()) names += (names.empty() ? "'" : ", '") + p.name + "'";
      throw SearchSpaceError(fmt::format("params {}: forbid() leaves no combination", names));
    }
    if (order_ == GridOrder::shuffled) {
      Rng rng = Rng(seed).fork("grid");
      for (size_t i = plan_.size(); i-- > 1;) std::swap(plan_[i], plan_[rng.below(i + 1)]);
    } else if (order_ == GridOrder::coarse_to_fine) {
      coarse_first(space);
    }
    planned_ = space.params();
    planned_seed_ = seed;
    ended_ = {};
    return plan_;
  }

  // By how often the ranges have to be halved to get there. Choices have no order: all are coarse.
  void coarse_first(const Space& space) {
    std::vector<std::vector<int>> depths;
    for (const Param& p : space.params()) {
      const bool choice = p.kind == Param::Kind::categorical;
      depths.push_back(choice ? std::vector<int>(p.choices.size()) : halvings(p.levels()));
    }
    struct Rank {
      int deepest = 0, sum = 0;
      int64_t point = 0;
      auto operator<=>(const Rank&) const = default;
    };
    std::vector<Rank> ranks;
    for (const int64_t point : plan_) {
      const std::vector<double> values = internal::combination(space, point);
      const std::vector<bool> active = space.active(values);
      Rank rank{0, 0, point};
      for (size_t i = 0; i < values.size(); ++i) {
        if (!active[i]) continue;
        const int depth = depths[i][static_cast<size_t>(space.params()[i].level_of(values[i]))];
        rank.deepest = std::max(rank.deepest, depth);
        rank.sum += depth;
      }
      ranks.push_back(rank);
    }
    std::sort(ranks.begin(), ranks.end());
    for (size_t i = 0; i < ranks.size(); ++i) plan_[i] = ranks[i].point;
  }

  // Of each of `count` levels: 0 for the middle one, 1 for the ends, then what halves the gaps.
  static std::vector<int> halvings(int64_t count) {
    std::vector<int> depth(static_cast<size_t>(count), -1);
    depth.front() = depth.back() = 1;
    depth[depth.size() / 2] = 0;
    for (int next = 2; std::find(depth.begin(), depth.end(), -1) != depth.end(); ++next) {
      size_t last = 0;
      for (size_t i = 1; i < depth.size(); ++i) {
        if (depth[i] < 0 || depth[i] == next) continue;
        if (i - last > 1) depth[last + (i - last) / 2] = next;
        last = i;
      }
    }
    return depth;
  }

  bool same_levels(const Space& space) const {
    for (size_t i = 0; i < planned_.size(); ++i) {
      const Param &a = planned_[i], &b = space.params()[i];
      if (!a.same_distribution(b) || a.grid != b.grid || a.conditions != b.conditions) return false;
    }
    return true;
  }

  // The combination's number with inactive parameters at level 0.
  static int64_t canonical(const Space& space, const std::vector<double>& values) {
    const std::vector<bool> active = space.active(values);
    int64_t index = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const Param& p = space.params()[i];
      index = index * p.levels() + (active[i] ? p.level_of(values[i]) : 0);
    }
    return index;
  }

  // The number of the trial's point; -1: it is on no point.
  static int64_t point_of(const Space& space, const History& history, const TrialRecord& trial) {
    std::vector<double> values(space.size());
    size_t found = 0;
    for (size_t i = 0; i < space.size(); ++i) {
      const Param& p = space.params()[i];
      values[i] = p.level_value(0);
      for (const TrialRecord::Use& use : trial.params) {
        const Param& used = *history.params()[static_cast<size_t>(use.param)];
        if (used.name != p.name) continue;
        const double value = p.value_from(used, use.value);
        if (std::isnan(value)) return -1;
        values[i] = p.level_value(p.level_of(value));
        if (values[i] != value) return -1;
        ++found;
      }
    }
    const std::vector<bool> active = space.active(values);
    const auto needed = static_cast<size_t>(std::count(active.begin(), active.end(), true));
    return found >= needed ? canonical(space, values) : -1;
  }

  // How often each point was visited, twice over; a trial that failed does not count the first
  // time: its process may just have been stopped.
  using Visits = std::unordered_map<int64_t, int>;

  // What trials that have ended did: each is looked at once.
  struct Ended {
    size_t count = 0;  // of History::finished()
    int64_t last = -1;
    double when = 0;
    uint64_t seed = 0;
    Visits visits = {};
    size_t settled = 0;  // so many points, from the first, are done
  };

  // Looks at the trials that have ended since, and returns where the others are.
  Visits look(const Space& space, const Question& question) {
    const History& history = question.history;
    const std::vector<int64_t>& finished = history.finished();
    const auto trial_of = [&](int64_t number) -> const TrialRecord& {
      return history.trials()[static_cast<size_t>(number)];
    };
    const bool same = ended_.seed == question.seed && ended_.count <= finished.size() &&
                      (ended_.count == 0 || (finished[ended_.count - 1] == ended_.last &&
                                             trial_of(ended_.last).ended == ended_.when));
    if (!same) ended_ = {};
    ended_.seed = question.seed;
    for (; ended_.count < finished.size(); ++ended_.count) {
      const TrialRecord& trial = trial_of(finished[ended_.count]);
      const int64_t point = point_of(space, history, trial);
      if (point >= 0) ended_.visits[point] += trial.state == State::failed ? 1 : 2;
      ended_.last = trial.number;
      ended_.when = trial.ended;
    }
    Visits running;
    for (const int64_t number : history.open()) {
      const TrialRecord& trial = trial_of(number);
      if (number == question.number || trial.state == State::waiting) continue;
      const int64_t point = point_of(space, history, trial);
      if (point >= 0) running[point] += 2;
    }
    return running;
  }

  static int visits_of(const Visits& visits, int64_t point) {
    const auto it = visits.find(point);
    return it == visits.end() ? 0 : it->second;
  }

  bool done(const Visits& running, int64_t point) const {
    return visits_of(ended_.visits, point) + visits_of(running, point) >= 2;
  }

  std::vector<int64_t>::const_iterator first_open(const std::vector<int64_t>& points,
                                                  const Visits& running) {
    while (ended_.settled < points.size() &&
           visits_of(ended_.visits, points[ended_.settled]) >= 2) {
      ++ended_.settled;
    }
    return std::find_if(points.begin() + static_cast<std::ptrdiff_t>(ended_.settled), points.end(),
                        [&](int64_t point) { return !done(running, point); });
  }

  // NaN for what the grid does not name.
  static std::vector<double> units(const Space& space, const Space& asked, int64_t point) {
    const std::vector<double> values = internal::combination(space, point);
    std::vector<double> units(asked.size(), std::nan(""));
    for (size_t i = 0; i < asked.size(); ++i) {
      for (size_t k = 0; k < space.size(); ++k) {
        if (space.params()[k].name == asked.params()[i].name) {
          units[i] = asked.params()[i].to_unit(values[k]);
        }
      }
    }
    return units;
  }

  Space own_;
  GridOrder order_;
  std::vector<Param> planned_;
  uint64_t planned_seed_ = 0;
  std::vector<int64_t> plan_;
  Ended ended_;
};

}  // namespace

std::shared_ptr<Sampler> grid(Space space, GridOptions options) {
  return std::make_shared<GridSampler>(std::move(space), options);
}

}  // namespace attune::tune
