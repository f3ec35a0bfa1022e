#include "attune/tune/samplers/internal/gp/acquisition_search.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "attune/tune/samplers/internal/gp/box_minimizer.h"
#include "attune/tune/internal/math/sobol_sequence.h"

namespace attune::tune::internal {
namespace {

constexpr size_t kSobolCandidates = 400;
constexpr size_t kPerturbations = 50;  // of each incumbent
constexpr size_t kStarts = 5;          // candidates that climb
constexpr int kRounds = 3;             // of continuous and discrete climbing
constexpr double kStay = 0.7;          // chance of an incumbent's level, where it is to be kept

class Searcher {
 public:
  Searcher(const AcquisitionSearch& search, Rng& rng)
      : search_(search), domain_(search.domain), rng_(rng) {}

  std::optional<Point> run() {
    std::vector<Point> candidates = sobol_candidates();
    const size_t sobol_count = candidates.size();
    for (const Point& incumbent : search_.incumbents) {
      for (size_t k = 0; k < kPerturbations; ++k) candidates.push_back(perturbed(incumbent));
    }
    const std::vector<double> value = search_.acquisition(candidates);
    std::vector<size_t> ranked(candidates.size());
    std::iota(ranked.begin(), ranked.end(), size_t{0});
    std::stable_sort(ranked.begin(), ranked.end(),
                     [&](size_t a, size_t b) { return value[a] > value[b]; });

    std::optional<Point> best;
    double best_value = -std::numeric_limits<double>::infinity();
    for (const size_t start : choose_starts(ranked, value, sobol_count)) {
      Point p = candidates[start];
      const double reached = climb(p);
      if (reached > best_value && search_.acceptable(p)) best_value = reached, best = p;
    }
    for (size_t k = 0; k < ranked.size() && !best; ++k) {
      if (search_.acceptable(candidates[ranked[k]])) best = candidates[ranked[k]];
    }
    return best;
  }

 private:
  std::vector<Point> sobol_candidates() {
    SobolSequence sequence(domain_.size(), rng_.next_u64());
    std::vector<Point> candidates;
    for (size_t k = 0; k < kSobolCandidates; ++k) {
      Point p = domain_.point(sequence.next());
      if (search_.stay_near) {
        for (size_t i = 0; i < p.size(); ++i) {
          if (!domain_.continuous(i) && rng_.uniform() < kStay) p[i] = search_.incumbents[0][i];
        }
        domain_.settle(p, &rng_);
      }
      candidates.push_back(std::move(p));
    }
    return candidates;
  }

  // At a scale drawn between 0.2 and 20 percent of twice the length scales; half of the time in all
  // coordinates, else in about two of them.
  Point perturbed(const Point& incumbent) {
    Point p = incumbent;
    const double scale = std::pow(10.0, -0.7 - 2 * rng_.uniform());
    const double share =
        rng_.uniform() < 0.5 ? 1 : std::min(1.0, 2 / static_cast<double>(domain_.size()));
    for (size_t i = 0; i < p.size(); ++i) {
      if (!is_active(p[i]) || rng_.uniform() >= share) continue;
      if (!domain_.enumerable(i)) {
        p[i] = std::clamp(p[i] + 2 * scale * reach(i) * rng_.normal(), 0.0, 1.0);
      } else if (domain_.categorical(i)) {
        p[i] = static_cast<double>(rng_.below(static_cast<uint64_t>(domain_.levels(i))));
      } else {
        const double distance = 1 + std::floor(3 * rng_.uniform() * rng_.uniform());
        const int64_t step = static_cast<int64_t>(rng_.uniform() < 0.5 ? -distance : distance);
        const int64_t level = domain_.level_of(i, p[i]) + step;
        p[i] = domain_.level(i, std::clamp<int64_t>(level, 0, domain_.levels(i) - 1));
      }
    }
    domain_.settle(p, &rng_);
    return p;
  }

  // The best candidate, the best of the other group, and others by roulette on their expected
  // improvement.
  std::vector<size_t> choose_starts(const std::vector<size_t>& ranked,
                                    const std::vector<double>& value, size_t sobol_count) {
    std::vector<size_t> starts = {ranked[0]};
    std::vector<char> taken(ranked.size(), 0);
    taken[ranked[0]] = 1;
    const auto other = std::find_if(ranked.begin(), ranked.end(), [&](size_t k) {
      return (k < sobol_count) != (ranked[0] < sobol_count);
    });
    if (other != ranked.end()) starts.push_back(*other), taken[*other] = 1;
    while (starts.size() < std::min(kStarts, ranked.size())) {
      double total = 0;
      for (const size_t k : ranked) {
        if (!taken[k]) total += std::exp(value[k] - value[ranked[0]]);
      }
      if (!(total > 0)) break;
      double ticket = rng_.uniform() * total;
      size_t chosen = ranked.size();
      for (const size_t k : ranked) {
        if (taken[k]) continue;
        chosen = k;
        ticket -= std::exp(value[k] - value[ranked[0]]);
        if (ticket <= 0) break;
      }
      starts.push_back(chosen);
      taken[chosen] = 1;
    }
    return starts;
  }

  double climb(Point& p) {
    double value = search_.acquisition(p);
    for (int round = 0; round < kRounds; ++round) {
      const double before = value;
      climb_continuous(p, value);
      if (!climb_levels(p, value) || value - before < 1e-6) break;
    }
    return value;
  }

  // Steps are measured in length scales, so that all directions are about equally curved.
  void climb_continuous(Point& p, double& value) {
    std::vector<size_t> axes;
    for (size_t i = 0; i < p.size(); ++i) {
      if (!domain_.enumerable(i) && is_active(p[i])) axes.push_back(i);
    }
    if (axes.empty()) return;
    const size_t n = axes.size();
    std::vector<double> x(n), low(n, 0.0), high(n), gradient(p.size());
    for (size_t k = 0; k < n; ++k) {
      x[k] = p[axes[k]] / reach(axes[k]);
      high[k] = 1 / reach(axes[k]);
    }
    Point moved = p;
    const auto f = [&](std::span<const double> at, std::span<double> slope) {
      for (size_t k = 0; k < n; ++k) moved[axes[k]] = at[k] * reach(axes[k]);
      const double height = search_.acquisition(moved, gradient);
      for (size_t k = 0; k < n; ++k) slope[k] = -gradient[axes[k]] * reach(axes[k]);
      return -height;
    };
    minimize_in_box(f, low, high, x, {});
    for (size_t k = 0; k < n; ++k) {
      moved[axes[k]] = std::clamp(x[k] * reach(axes[k]), 0.0, 1.0);
    }
    domain_.settle(moved, nullptr);
    const double reached = search_.acquisition(moved);
    if (reached > value) value = reached, p = moved;
  }

  // One parameter after the other to its best level. True if any moved.
  bool climb_levels(Point& p, double& value) {
    bool moved = false;
    for (size_t i = 0; i < p.size(); ++i) {
      if (!domain_.enumerable(i) || !is_active(p[i])) continue;
      std::vector<Point> tries;
      for (int64_t k = 0; k < domain_.levels(i); ++k) {
        Point q = p;
        q[i] = domain_.level(i, k);
        if (q[i] == p[i]) continue;
        domain_.settle(q, nullptr);
        tries.push_back(std::move(q));
      }
      if (tries.empty()) continue;
      const std::vector<double> heights = search_.acquisition(tries);
      const auto top = std::max_element(heights.begin(), heights.end());
      if (*top <= value + 1e-9) continue;
      value = *top;
      p = tries[static_cast<size_t>(top - heights.begin())];
      moved = true;
    }
    return moved;
  }

  double reach(size_t i) const { return std::min(search_.acquisition.length_scale(i), 1.0); }

  const AcquisitionSearch& search_;
  const Domain& domain_;
  Rng& rng_;
};

}  // namespace

std::optional<Point> maximize(const AcquisitionSearch& search, Rng& rng) {
  return Searcher(search, rng).run();
}

}  // namespace attune::tune::internal
