#include "attune/tune/samplers/internal/tpe/trial_ledger.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace attune::tune::internal {
namespace {

constexpr size_t kMarks = 8;

bool is_ranked(const TrialRecord& trial) {
  if (trial.state == State::pruned) return true;
  if (trial.state != State::complete || trial.losses.empty()) return false;
  return std::none_of(trial.losses.begin(), trial.losses.end(),
                      [](double loss) { return std::isnan(loss); });
}

bool dominates(const std::vector<double>& a, const std::vector<double>& b) {
  bool better = false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] > b[i]) return false;
    better = better || a[i] < b[i];
  }
  return better;
}

// How far apart a point's neighbours in its front are, summed over the objectives.
std::vector<double> crowding(const std::vector<const TrialRecord*>& front) {
  std::vector<double> distance(front.size());
  std::vector<size_t> order(front.size());
  for (size_t k = 0; k < front.front()->losses.size(); ++k) {
    const auto loss = [&](size_t i) { return front[i]->losses[k]; };
    std::iota(order.begin(), order.end(), size_t{0});
    std::stable_sort(order.begin(), order.end(),
                     [&](size_t a, size_t b) { return loss(a) < loss(b); });
    const double width = loss(order.back()) - loss(order.front());
    distance[order.front()] = distance[order.back()] = std::numeric_limits<double>::infinity();
    if (!(width > 0 && std::isfinite(width))) continue;
    for (size_t i = 1; i + 1 < order.size(); ++i) {
      distance[order[i]] += (loss(order[i + 1]) - loss(order[i - 1])) / width;
    }
  }
  return distance;
}

}  // namespace

TrialLedger::Mark TrialLedger::mark(const TrialRecord& trial) {
  return {trial.number, trial.ended, trial.losses.empty() ? 0 : trial.losses.front(),
          trial.params.size()};
}

bool TrialLedger::read(const History& history) {
  const std::vector<TrialRecord>& trials = history.trials();
  if (trials.size() < seen_) return false;
  for (const Mark& known : marks_) {
    const TrialRecord& trial = trials[static_cast<size_t>(known.number)];
    if (!finished(trial.state) || mark(trial) != known) return false;
  }
  for (; seen_ < trials.size(); ++seen_) open_.push_back(static_cast<int64_t>(seen_));
  std::erase_if(open_, [&](int64_t number) {
    const TrialRecord& trial = trials[static_cast<size_t>(number)];
    if (!finished(trial.state)) return false;
    take(trial, history);
    return true;
  });
  return true;
}

std::vector<int64_t> TrialLedger::running(const History& history, int64_t asking) const {
  std::vector<int64_t> numbers;
  for (const int64_t number : open_) {
    const State state = history.trials()[static_cast<size_t>(number)].state;
    if (state == State::running && number != asking) numbers.push_back(number);
  }
  return numbers;
}

void TrialLedger::take(const TrialRecord& trial, const History& history) {
  if (!is_ranked(trial)) return;
  ranked_.push_back(trial.number);
  if (marks_.size() == kMarks) marks_.erase(marks_.begin());
  marks_.push_back(mark(trial));

  Rank rank{0, trial.loss(), 0, trial.number};
  if (trial.state == State::pruned && trial.reports.empty()) rank = {2, 0, 0, trial.number};
  if (trial.state == State::pruned && !trial.reports.empty()) {
    const TrialRecord::Report& last = trial.reports.back();
    rank = {1, -static_cast<double>(last.step),
            std::isnan(last.loss) ? std::numeric_limits<double>::infinity() : last.loss,
            trial.number};
  }
  if (const double over = trial.violation(); over > 0) rank = {3, over, 0, trial.number};
  best_.insert(std::upper_bound(best_.begin(), best_.end(), rank), rank);
  if (best_.size() > kMostGood) best_.pop_back();

  std::vector<int32_t> params;
  for (const TrialRecord::Use& use : trial.params) params.push_back(use.param);
  if (params == last_params_) return;
  last_params_ = params;
  for (auto i = name_of_.size(); i < history.params().size(); ++i) {
    size_t first = 0;
    while (history.params()[first]->name != history.params()[i]->name) ++first;
    name_of_.push_back(static_cast<int32_t>(first));
  }
  for (int32_t& id : params) id = name_of_[static_cast<size_t>(id)];
  std::sort(params.begin(), params.end());
  if (std::find(kinds_.begin(), kinds_.end(), params) == kinds_.end()) kinds_.push_back(params);
}

std::vector<int64_t> TrialLedger::good(const History& history) const {
  const size_t count = std::min((ranked_.size() + 9) / 10, kMostGood);
  if (history.objectives() > 1) return good_of_many(history, count);
  std::vector<int64_t> numbers;
  for (size_t i = 0; i < count; ++i) numbers.push_back(std::get<int64_t>(best_[i]));
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// Front by front until there are enough; each front is found in one pass over what is left.
std::vector<int64_t> TrialLedger::good_of_many(const History& history, size_t count) const {
  std::vector<const TrialRecord*> left;
  for (const int64_t number : ranked_) {
    const TrialRecord& trial = history.trials()[static_cast<size_t>(number)];
    if (trial.losses.size() == history.objectives()) left.push_back(&trial);
  }
  const auto infeasible = std::stable_partition(
      left.begin(), left.end(), [](const TrialRecord* t) { return t->violation() <= 0; });
  std::vector<const TrialRecord*> last(infeasible, left.end());
  std::stable_sort(last.begin(), last.end(), [](const TrialRecord* a, const TrialRecord* b) {
    return a->violation() < b->violation();
  });
  left.erase(infeasible, left.end());
  std::sort(left.begin(), left.end(), [](const TrialRecord* a, const TrialRecord* b) {
    return std::tie(a->losses, a->number) < std::tie(b->losses, b->number);
  });  // so that none dominates an earlier one
  std::vector<int64_t> numbers;
  while (numbers.size() < count && !left.empty()) {
    std::vector<const TrialRecord*> front, rest;
    for (const TrialRecord* trial : left) {
      const bool dominated = std::any_of(front.begin(), front.end(), [&](const TrialRecord* other) {
        return dominates(other->losses, trial->losses);
      });
      (dominated ? rest : front).push_back(trial);
    }
    std::vector<size_t> order(front.size());
    std::iota(order.begin(), order.end(), size_t{0});
    if (numbers.size() + front.size() > count) {
      const std::vector<double> distance = crowding(front);
      std::stable_sort(order.begin(), order.end(),
                       [&](size_t a, size_t b) { return distance[a] > distance[b]; });
      order.resize(count - numbers.size());
    }
    for (const size_t i : order) numbers.push_back(front[i]->number);
    left = std::move(rest);
  }
  for (const TrialRecord* trial : last) {
    if (numbers.size() < count) numbers.push_back(trial->number);
  }
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<std::string> TrialLedger::companions(const History& history,
                                                 const std::string& name) const {
  const auto& params = history.params();
  const auto has = [](const std::vector<int32_t>& kind, int32_t id) {
    return std::binary_search(kind.begin(), kind.end(), id);
  };
  std::vector<std::string> names;
  int32_t mine = 0;
  const auto known = static_cast<int32_t>(name_of_.size());
  while (mine < known && params[static_cast<size_t>(mine)]->name != name) ++mine;
  if (mine == known) return names;
  bool seen = false;
  for (const auto& kind : kinds_) seen = seen || has(kind, mine);
  if (!seen) return names;
  for (int32_t id = 0; id < known; ++id) {
    if (name_of_[static_cast<size_t>(id)] != id) continue;
    const bool together = std::all_of(kinds_.begin(), kinds_.end(), [&](const auto& kind) {
      return has(kind, id) == has(kind, mine);
    });
    if (together) names.push_back(params[static_cast<size_t>(id)]->name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace attune::tune::internal
