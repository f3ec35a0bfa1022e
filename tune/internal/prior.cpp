#include "attune/tune/internal/prior.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <fmt/format.h>

namespace attune::tune::internal {
namespace {

constexpr double kHeedless = 0.05;     // of a normal prior's mass is spread evenly
constexpr double kLeastWeight = 1e-6;  // of the sum
constexpr double kFlat = 1e6;          // deviations as wide as so many ranges say nothing

double below(double z) { return 0.5 * std::erfc(-z * M_SQRT1_2); }  // the normal's share

// The normal on the scale of places, cut off at 0 and 1.
class Cut {
 public:
  explicit Cut(const Param& p) {
    const bool counted = p.kind == Param::Kind::integer || p.step > 0;
    const double half = counted ? (p.log ? 0.5 : p.step / 2) : 0;
    const auto scale = [&](double x) { return p.log ? std::log(x) : x / 2; };
    const double low = scale(p.low - half), width = scale(p.high + half) - low;
    if (!(width > 0)) return;
    mean_ = (scale(p.normal->mean) - low) / width;
    deviation_ = (p.log ? std::log(p.normal->deviation) : p.normal->deviation / 2) / width;
    deviation_ = std::max(deviation_, 1e-12);
    flat_ = deviation_ > kFlat;
    first_ = below(-mean_ / deviation_);
    total_ = below((1 - mean_) / deviation_) - first_;
  }

  double share(double place) const {
    if (flat_) return place;
    const double normal = (below((place - mean_) / deviation_) - first_) / total_;
    return std::clamp(kHeedless * place + (1 - kHeedless) * normal, 0.0, 1.0);
  }

  double density(double place) const {
    const double z = (place - mean_) / deviation_;
    const double normal = std::exp(-0.5 * z * z) / (std::sqrt(2 * M_PI) * deviation_ * total_);
    return kHeedless + (1 - kHeedless) * normal;
  }

  // Newton's steps where they stay between what is known to be too low and too high, else halving.
  double place(double share_wanted) const {
    if (flat_ || share_wanted <= 0 || share_wanted >= 1) return share_wanted;
    double low = 0, high = 1, x = share_wanted;
    for (int turn = 0; turn < 120 && high - low > 1e-16; ++turn) {
      const double error = share(x) - share_wanted;
      if (error == 0) return x;
      (error > 0 ? high : low) = x;
      const double step = error / density(x), next = x - step;
      if (std::abs(step) < 1e-17) return x;
      x = turn % 3 != 2 && next > low && next < high ? next : low + (high - low) / 2;
    }
    return x;
  }

 private:
  double mean_ = 0.5, deviation_ = 1, first_ = 0, total_ = 1;
  bool flat_ = true;
};

std::vector<double> shares(const Param& p) {
  const double sum = std::accumulate(p.weights.begin(), p.weights.end(), 0.0);
  std::vector<double> all(p.weights);
  for (double& w : all) w = std::max(w / sum, kLeastWeight);
  const double again = std::accumulate(all.begin(), all.end(), 0.0);
  for (double& w : all) w /= again;
  return all;
}

}  // namespace

double unit_of(const Param& p, double place) {
  if (p.normal) return Cut(p).share(place);
  const std::vector<double> all = shares(p);
  const double position = place * static_cast<double>(all.size());
  const size_t level = std::min(static_cast<size_t>(position), all.size() - 1);
  double unit = std::accumulate(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(level), 0.0);
  unit += all[level] * (position - static_cast<double>(level));
  return std::min(unit, 1.0);
}

double place_of(const Param& p, double unit) {
  if (p.normal) return Cut(p).place(unit);
  const std::vector<double> all = shares(p);
  const auto count = static_cast<double>(all.size());
  double rest = unit;
  for (size_t level = 0; level < all.size(); ++level) {
    if (rest < all[level] || level + 1 == all.size()) {
      const double within = std::clamp(rest / all[level], 0.0, 1 - 1e-9);
      return (static_cast<double>(level) + std::max(within, 1e-9)) / count;
    }
    rest -= all[level];
  }
  return 1;
}

double likeliest(const Param& p) {
  if (p.normal) {
    return p.levels() > 0 ? p.level_value(p.level_of(p.normal->mean)) : p.normal->mean;
  }
  const auto most = std::max_element(p.weights.begin(), p.weights.end());
  return p.level_value(most - p.weights.begin());
}

std::vector<double> normal_weights(const Param& p) {
  const auto scale = [&](double x) { return p.log ? std::log(x) : x; };
  const double deviation = p.log ? std::log(p.normal->deviation) : p.normal->deviation;
  std::vector<double> weights;
  for (const double value : p.grid) {
    const double z = (scale(value) - scale(p.normal->mean)) / deviation;
    weights.push_back(std::exp(-0.5 * z * z));
  }
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  if (!(sum > 0)) weights[static_cast<size_t>(p.level_of(p.normal->mean))] = 1;
  for (double& w : weights) {
    w = (sum > 0 ? w / sum : w) * (1 - kHeedless) + kHeedless / static_cast<double>(weights.size());
  }
  return weights;
}

std::string prior_flaw(const Param& p) {
  if (p.normal) {
    const auto& [mean, deviation] = *p.normal;
    if (p.kind == Param::Kind::categorical) {
      return "a prior of choices is a weight for each, not a mean and a deviation";
    }
    if (!(mean >= p.low && mean <= p.high)) {
      return fmt::format("the prior's mean {} is not in [{}, {}]", mean, p.low, p.high);
    }
    const double least = p.log ? 1 : 0;
    if (!(deviation > least) || std::isinf(deviation)) {
      return fmt::format("the prior's deviation must be above {}{}, not {}", least,
                         p.log ? " (on a log range it is a factor)" : "", deviation);
    }
  }
  if (p.weights.empty()) return {};
  const bool unequal = p.log && p.grid.empty() && p.kind == Param::Kind::integer;
  if (unequal || p.levels() != static_cast<int64_t>(p.weights.size())) {
    return fmt::format("its prior has {} weights; {}", p.weights.size(),
                       unequal || p.levels() == 0 ? "a range takes a mean and a deviation"
                                                  : fmt::format("it has {} values", p.levels()));
  }
  double sum = 0;
  for (const double w : p.weights) {
    if (!(w > 0)) return fmt::format("its prior's weights must be above 0, not {}", w);
    sum += w;
  }
  return std::isinf(sum) ? "its prior's weights must be finite" : "";
}

}  // namespace attune::tune::internal
