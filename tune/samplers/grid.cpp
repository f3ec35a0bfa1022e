// Every combination once. Trial k takes the point with the k-th number unless somebody has done it;
// what is left over (points of trials that failed, of enqueued ones) comes at the end.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

class GridSampler : public Sampler {
 public:
  explicit GridSampler(Space space) : own_(std::move(space)) {
    if (!own_.empty()) plan(own_);
  }

  bool starts_with_defaults() const override { return false; }
  const Space* space() const override { return own_.empty() ? nullptr : &own_; }

  std::vector<double> propose(const Question& question, Rng&) override {
    const Space& space = own_.empty() ? question.space : own_;
    const std::vector<int64_t>& points = plan(space);
    const std::vector<int64_t> open = unvisited(space, points, question);
    const auto count = static_cast<int64_t>(points.size());
    int64_t point = points[static_cast<size_t>(question.number % count)];
    if (!open.empty() && !std::binary_search(open.begin(), open.end(), point)) {
      // Points further on will be taken by trials to come; begin with those that were passed over.
      point = open.front();
    }
    return units(space, question.space, point);
  }

  double sample(const Question& question, const Param& param, Rng& rng) override {
    const Space& space = own_.empty() ? question.space : own_;
    if (const Param* known =
            space.find(param.name)) {  // active only on another branch: any value will do
      return param.to_unit(known->from_unit(rng.uniform()));
    }
    throw SearchSpaceError(
        fmt::format("param '{}': grid() does not know it; name all parameters in "
                    "StudyOptions::space or grid(space)",
                    param.name));
  }

  bool exhausted(const Question& question) override {
    const Space& space = own_.empty() ? question.space : own_;
    return !space.empty() && unvisited(space, plan(space), question).empty();
  }

 private:
  static constexpr int64_t kMost = 10'000'000;

  // The numbers of the combinations to visit, ascending: allowed ones, an inactive parameter at its
  // first level only.
  const std::vector<int64_t>& plan(const Space& space) {
    if (!plan_.empty() && space.size() == planned_.size() && same_levels(space)) return plan_;
    for (const Param& p : space.params()) {
      if (p.levels() > 0) continue;
      throw SearchSpaceError(
          fmt::format("param '{}': grid() needs a finite range; give it a step, or values by "
                      "linear_grid, log_grid",
                      p.name));
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
      const std::vector<double> values = values_of(space, index);
      if (canonical(space, values) == index && space.allowed(values)) plan_.push_back(index);
    }
    if (plan_.empty()) throw SearchSpaceError("space: forbid() leaves no combination for grid()");
    planned_ = space.params();
    return plan_;
  }

  bool same_levels(const Space& space) const {
    for (size_t i = 0; i < planned_.size(); ++i) {
      const Param &a = planned_[i], &b = space.params()[i];
      if (!a.same_distribution(b) || a.grid != b.grid || a.conditions != b.conditions) return false;
    }
    return true;
  }

  static std::vector<double> values_of(const Space& space, int64_t index) {
    std::vector<double> values(space.size());
    for (size_t i = space.size(); i-- > 0;) {
      const int64_t levels = space.params()[i].levels();
      values[i] = space.params()[i].level_value(index % levels);
      index /= levels;
    }
    return values;
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
        if (used.name != p.name || used.kind != p.kind) continue;
        values[i] = p.level_value(p.level_of(use.value));
        if (values[i] != use.value) return -1;
        ++found;
      }
    }
    const std::vector<bool> active = space.active(values);
    const auto needed = static_cast<size_t>(std::count(active.begin(), active.end(), true));
    return found >= needed ? canonical(space, values) : -1;
  }

  // Points not done, ascending. A trial that failed does not count the first time: its process may
  // just have been stopped.
  static std::vector<int64_t> unvisited(const Space& space, const std::vector<int64_t>& points,
                                        const Question& question) {
    std::unordered_map<int64_t, int> visits;  // 2: done
    for (const TrialRecord& trial : question.history.trials()) {
      if (trial.number == question.number || trial.state == State::waiting) continue;
      const int64_t point = point_of(space, question.history, trial);
      if (point >= 0) visits[point] += trial.state == State::failed ? 1 : 2;
    }
    std::vector<int64_t> open;
    for (const int64_t point : points) {
      const auto it = visits.find(point);
      if (it == visits.end() || it->second < 2) open.push_back(point);
    }
    return open;
  }

  // NaN for what the grid does not name.
  static std::vector<double> units(const Space& space, const Space& asked, int64_t point) {
    const std::vector<double> values = values_of(space, point);
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
  std::vector<Param> planned_;
  std::vector<int64_t> plan_;
};

}  // namespace

std::shared_ptr<Sampler> grid(Space space) {
  return std::make_shared<GridSampler>(std::move(space));
}

}  // namespace attune::tune
