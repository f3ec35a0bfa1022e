#include "attune/tune/analysis/internal/ped_anova.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace attune::tune::internal {
namespace {

constexpr int64_t kCells = 50;
constexpr double kPriorWeight = 1;         // of the even distribution, in trials
constexpr double kNarrowest = 0.5 / 1.64;  // cells: 90 % of a kernel stay in its own
constexpr double kFloor = 1e-12;
constexpr int64_t kFewest = 2;  // rows that must have a parameter

// The mass of a normal distribution between two places, in its deviations.
double normal_mass(double a, double b) {
  return 0.5 * (std::erf(b / std::numbers::sqrt2) - std::erf(a / std::numbers::sqrt2));
}

int64_t cells_of(const Column& column) {
  if (column.choices > 0) return column.choices;
  if (column.levels == 0) return kCells;
  // The levels of a log range crowd at its end: a cell each would leave holes at its beginning.
  const auto levels = static_cast<double>(column.levels);
  if (column.log) return std::min(static_cast<int64_t>(std::ceil(std::log2(levels))) + 1, kCells);
  return std::min(column.levels, kCells);
}

// The ends of the range are the middles of the first and the last cell.
int64_t cell_of(const Column& column, double value, int64_t cells) {
  if (column.choices > 0) return static_cast<int64_t>(value);
  const double place = (value - column.first) / (column.last - column.first);
  const double cell = std::ceil(place * static_cast<double>(cells - 1) - 0.5);
  return std::clamp(static_cast<int64_t>(cell), int64_t{0}, cells - 1);
}

// Adds `weight` times a normal distribution over the cells, cut off at the ends.
void add_kernel(double at, double deviation, double weight, std::vector<double>& density) {
  const auto last = static_cast<double>(density.size()) - 1;
  const double inside = normal_mass((-0.5 - at) / deviation, (last + 0.5 - at) / deviation);
  for (size_t k = 0; k < density.size(); ++k) {
    const double from = static_cast<double>(k) - 0.5 - at;
    density[k] += weight * normal_mass(from / deviation, (from + 1) / deviation) / inside;
  }
}

// Scott's rule, with the quartiles where they are narrower (Scott, "Multivariate density
// estimation", 1992).
double bandwidth(const std::vector<double>& counts, double total) {
  double mean = 0, variance = 0;
  for (size_t k = 0; k < counts.size(); ++k) mean += counts[k] * static_cast<double>(k) / total;
  for (size_t k = 0; k < counts.size(); ++k) {
    const double off = static_cast<double>(k) - mean;
    variance += counts[k] * off * off / std::max(1.0, total - 1);
  }
  const auto place_of = [&](double rank, bool beyond) {  // the first cell that holds that rank
    double seen = 0;
    size_t last = 0;
    for (size_t k = 0; k < counts.size(); ++k) {
      if (counts[k] == 0) continue;
      seen += counts[k], last = k;
      if (beyond ? seen > rank : seen >= rank) break;
    }
    return static_cast<double>(last);
  };
  const double spread =
      place_of(std::floor(total * 3 / 4), true) - place_of(std::floor(total / 4), false);
  const double scale = std::min(spread / 1.34, std::sqrt(variance));
  return std::max(1.059 * scale * std::pow(total, -0.2), kNarrowest);
}

// A kernel per trial and a prior one, over the cells; sums to 1.
std::vector<double> density_of(const Column& column, const std::vector<size_t>& rows) {
  const int64_t cells = cells_of(column);
  const auto count = static_cast<size_t>(cells);
  std::vector<double> counts(count), density(count);
  for (const size_t r : rows) {
    counts[static_cast<size_t>(cell_of(column, column.values[r], cells))] += 1;
  }
  const auto total = static_cast<double>(rows.size());
  const auto width = static_cast<double>(cells);
  if (column.choices > 0) {
    const auto kernels = 1 + static_cast<double>(std::count_if(counts.begin(), counts.end(),
                                                               [](double c) { return c > 0; }));
    const double smear = kPriorWeight / kernels;  // to every choice, from each kernel of weight 1
    for (size_t k = 0; k < count; ++k) {
      density[k] = (counts[k] + total * smear) / (1 + width * smear) + kPriorWeight / width;
    }
  } else {
    const double deviation = bandwidth(counts, total);
    for (size_t k = 0; k < count; ++k) {
      if (counts[k] > 0) add_kernel(static_cast<double>(k), deviation, counts[k], density);
    }
    add_kernel((width - 1) / 2, width, kPriorWeight, density);
  }
  for (double& d : density) d = d / (total + kPriorWeight) + kFloor;
  return density;
}

}  // namespace

std::vector<double> ped_anova(const EffectsTable& table, double quantile) {
  const size_t rows = table.losses.size();
  std::vector<double> sorted = table.losses;
  const auto best = static_cast<std::ptrdiff_t>(
      std::clamp(std::ceil(quantile * static_cast<double>(rows)), 1.0, static_cast<double>(rows)));
  std::nth_element(sorted.begin(), sorted.begin() + best - 1, sorted.end());
  const double limit = sorted[static_cast<size_t>(best - 1)];
  const auto among_best = std::count_if(table.losses.begin(), table.losses.end(),
                                        [&](double loss) { return loss <= limit; });

  std::vector<double> divergences;
  for (const Column& column : table.columns) {
    std::vector<size_t> all, top;
    for (size_t r = 0; r < rows; ++r) {
      if (std::isnan(column.values[r])) continue;
      all.push_back(r);
      if (table.losses[r] <= limit) top.push_back(r);
    }
    double divergence = 0;
    if (static_cast<int64_t>(all.size()) >= kFewest && !top.empty() && cells_of(column) > 1) {
      const std::vector<double> p = density_of(column, top), q = density_of(column, all);
      for (size_t k = 0; k < p.size(); ++k) divergence += q[k] * std::pow(p[k] / q[k] - 1, 2);
      const double in_top = static_cast<double>(top.size()) / static_cast<double>(among_best);
      const double in_all = static_cast<double>(all.size()) / static_cast<double>(rows);
      divergence *= in_top * in_top / in_all;
    }
    divergences.push_back(divergence);
  }
  return divergences;
}

}  // namespace attune::tune::internal
