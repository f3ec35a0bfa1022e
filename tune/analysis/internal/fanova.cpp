#include "attune/tune/analysis/internal/fanova.h"

#include <algorithm>
#include <cmath>

namespace attune::tune::internal {
namespace {

// E[tree | u_c] in one column, piece by piece.
struct Marginal {
  std::vector<double> height, width;

  double variance(double mean) const {
    double sum = 0;
    for (size_t k = 0; k < height.size(); ++k) {
      sum += width[k] * (height[k] - mean) * (height[k] - mean);
    }
    return sum;
  }
};

EffectsTable filled(const EffectsTable& table, const Rng& rng) {
  EffectsTable full = table;
  for (size_t c = 0; c < full.columns.size(); ++c) {
    Rng own = rng.fork(static_cast<int64_t>(c));
    for (double& v : full.columns[c].values) {
      if (!std::isnan(v)) continue;
      const int64_t choices = full.columns[c].choices;
      v = choices > 0 ? static_cast<double>(own.below(static_cast<uint64_t>(choices)))
                      : own.uniform();
    }
  }
  return full;
}

}  // namespace

std::vector<double> main_effects(const RegressionTree& tree, size_t columns) {
  double mean = 0;
  tree.for_each_leaf([&](const Box& box, double value) { mean += box.volume * value; });

  // A leaf adds value * volume / width to each piece of each column that its box covers; for
  // numbers as a difference at its ends, summed up afterwards. Centred, so that little cancels.
  double total = 0;
  std::vector<Marginal> marginals(columns);
  for (size_t c = 0; c < columns; ++c) marginals[c].height.resize(tree.edges(c).size());
  tree.for_each_leaf([&](const Box& box, double value) {
    const double v = value - mean;
    total += box.volume * v * v;
    for (size_t c = 0; c < columns; ++c) {
      auto& height = marginals[c].height;
      const auto& marked = box.marked[c];
      if (marked.empty()) {
        const auto low = static_cast<size_t>(box.low[c]), high = static_cast<size_t>(box.high[c]);
        const double mass = v * box.volume / (tree.edges(c)[high] - tree.edges(c)[low]);
        height[low] += mass, height[high] -= mass;
      } else {
        height.resize(marked.size());
        const auto count = static_cast<double>(std::count(marked.begin(), marked.end(), char{1}));
        const double mass = v * box.volume * static_cast<double>(marked.size()) / count;
        for (size_t k = 0; k < marked.size(); ++k) height[k] += marked[k] ? mass : 0;
      }
    }
  });

  std::vector<double> shares(columns);
  for (size_t c = 0; c < columns && total > 0; ++c) {
    Marginal& m = marginals[c];
    const auto& edges = tree.edges(c);
    if (tree.choices(c) == 0) {
      m.height.pop_back();  // what ends at 1
      for (size_t k = 0; k < m.height.size(); ++k) {
        if (k > 0) m.height[k] += m.height[k - 1];
        m.width.push_back(edges[k + 1] - edges[k]);
      }
    } else {
      m.width.assign(m.height.size(), 1 / static_cast<double>(m.height.size()));
    }
    shares[c] = m.variance(0) / total;
  }
  return shares;
}

std::vector<double> fanova(const EffectsTable& table, uint64_t seed, ForestOptions options) {
  const size_t rows = table.losses.size(), columns = table.columns.size();
  const auto draws = std::min(static_cast<int64_t>(rows), options.draws);
  const Rng rng = Rng(seed).fork("importances");
  std::vector<double> shares(columns);
  int counted = 0;
  for (int t = 0; t < options.trees; ++t) {
    Rng own = rng.fork(t);
    std::vector<double> weights(rows);
    for (int64_t k = 0; k < draws; ++k) weights[own.below(rows)] += 1;
    const RegressionTree tree(filled(table, own.fork("absent")), weights, options.max_depth,
                              own.fork("splits"));
    const std::vector<double> of_tree = main_effects(tree, columns);
    if (std::all_of(of_tree.begin(), of_tree.end(), [](double s) { return s == 0; })) continue;
    for (size_t c = 0; c < columns; ++c) shares[c] += of_tree[c];
    ++counted;
  }
  for (double& s : shares) s /= std::max(counted, 1);
  return shares;
}

}  // namespace attune::tune::internal
