// The signed-rank test of a trial against the best one, fold by fold.

#include <algorithm>
#include <cmath>
#include <vector>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/internal/order.h"
#include "attune/tune/pruner.h"

namespace attune::tune {
namespace {

constexpr size_t kExact = 50;  // pairs; beyond, the normal distribution is close enough

// Of ranks that are doubled to be whole numbers: how likely the sum of those with a random sign +
// is `sum` or more.
double exact_tail(const std::vector<size_t>& ranks, size_t sum) {
  size_t total = 0;
  for (const size_t rank : ranks) total += rank;
  std::vector<double> chance(total + 1, 0);
  chance[0] = 1;
  size_t reached = 0;
  for (const size_t rank : ranks) {
    reached += rank;
    for (size_t s = reached + 1; s-- > 0;) {
      chance[s] = (chance[s] + (s >= rank ? chance[s - rank] : 0)) / 2;
    }
  }
  double tail = 0;
  for (size_t s = sum; s <= total; ++s) tail += chance[s];
  return tail;
}

// One-sided p of the pairs' differences being above 0. Zeros take ranks, and half of these count.
double signed_rank_p(std::vector<double> differences) {
  std::sort(differences.begin(), differences.end(),
            [](double a, double b) { return std::abs(a) < std::abs(b); });
  std::vector<size_t> ranks;  // doubled, of those that are not 0
  size_t above = 0;           // doubled sum
  double variance = 0;        // of the sum, doubled twice
  for (size_t i = 0; i < differences.size();) {
    size_t end = i;
    while (end < differences.size() && std::abs(differences[end]) == std::abs(differences[i]))
      ++end;
    const size_t rank = i + 1 + end;  // twice the mean of i + 1 ... end
    for (; i < end; ++i) {
      if (differences[i] == 0) continue;
      ranks.push_back(rank);
      variance += static_cast<double>(rank * rank) / 4;
      if (differences[i] > 0) above += rank;
    }
  }
  if (ranks.empty()) return 1;
  if (ranks.size() <= kExact) return exact_tail(ranks, above);
  double mean = 0;
  for (const size_t rank : ranks) mean += static_cast<double>(rank) / 2;
  return std::erfc((static_cast<double>(above) - mean) / std::sqrt(2 * variance)) / 2;
}

class Wilcoxon : public Pruner {
 public:
  explicit Wilcoxon(WilcoxonOptions options) : options_(options) {
    if (!(options.p > 0 && options.p < 1)) {
      throw ValueError(fmt::format("wilcoxon: p must be between 0 and 1, not {}", options.p));
    }
    if (options.startup_steps < 0) {
      throw ValueError(
          fmt::format("wilcoxon: startup_steps must be 0 or more, not {}", options.startup_steps));
    }
  }

  bool pairs_steps() const override { return true; }
  bool should_stop(const TrialRecord& trial, const History& history) const override {
    const TrialRecord* best = nullptr;
    for (const TrialRecord& other : history.trials()) {
      if (other.state != State::complete || other.number == trial.number) continue;
      if (!best || better(other, *best)) best = &other;
    }
    if (!best) return false;
    std::vector<double> differences;
    double sum = 0;
    auto theirs = best->reports.begin();
    for (const TrialRecord::Report& mine : trial.reports) {
      while (theirs != best->reports.end() && theirs->step < mine.step) ++theirs;
      if (theirs == best->reports.end()) break;
      if (theirs->step != mine.step || std::isnan(theirs->loss)) continue;
      if (std::isnan(mine.loss)) return true;
      const double difference = mine.loss - theirs->loss;
      if (std::isnan(difference)) continue;  // both infinite
      differences.push_back(difference);
      sum += difference;
    }
    if (differences.empty() || static_cast<int64_t>(differences.size()) < options_.startup_steps) {
      return false;
    }
    return sum > 0 && signed_rank_p(std::move(differences)) < options_.p;
  }

 private:
  WilcoxonOptions options_;
};

}  // namespace

std::shared_ptr<Pruner> wilcoxon(WilcoxonOptions options) {
  return std::make_shared<Wilcoxon>(options);
}

}  // namespace attune::tune
