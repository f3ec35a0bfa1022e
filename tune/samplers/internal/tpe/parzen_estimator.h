#pragma once
// A Parzen estimator over several parameters at once: a mixture of products of truncated normals
// (Bergstra et al., "Algorithms for hyper-parameter optimization", 2011; of products: Falkner et
// al., "BOHB", 2018; the rules for widths and weights: Watanabe, "Tree-structured Parzen estimator:
// understanding its algorithm components", 2023). It changes by one observation at a time, and is a
// function of the observations it has, to the last bit, whatever came and went before.

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/samplers/internal/tpe/parzen_axis.h"
#include "attune/tune/samplers/internal/tpe/parzen_passes.h"

namespace attune::tune::internal {

// Axes with a density first, then those with levels, then those with choices.
using ParzenAxes = std::vector<ParzenAxis>;

// Points to evaluate: coordinates (see ParzenAxis) of all points for axis 0, for axis 1, ...
class ParzenPoints {
 public:
  ParzenPoints(const ParzenAxes& axes, std::vector<double> coordinates);

  size_t size() const { return size_; }
  double coordinate(size_t axis, size_t point) const { return coordinates_[axis * size_ + point]; }
  ParzenPoint row(size_t point) const { return {&low_[point], &high_[point], size_}; }
  // Logarithm of the widths of the point's narrow slices; see ParzenPoint.
  double log_narrow(size_t point) const { return log_narrow_[point]; }

 private:
  size_t size_;
  std::vector<double> coordinates_, log_narrow_;
  std::vector<float> low_, high_;
};

enum class ParzenWeights : uint8_t {
  equal,
  ramp  // the newest 25 observations weigh 1, the oldest 1 / n, those between on a line
};

class ParzenEstimator {
 public:
  ParzenEstimator(std::shared_ptr<const ParzenAxes> axes, ParzenWeights weights);
  ParzenEstimator(ParzenEstimator&&) = default;  // not to be copied: table_ points into storage_

  // Observations are kept in the order of their numbers. `coordinates`: one per axis.
  void insert(int64_t number, std::span<const double> coordinates);
  void erase(int64_t number);
  bool contains(int64_t number) const;
  size_t size() const { return numbers_.size(); }

  std::vector<double> log_density(const ParzenPoints& points);
  // Coordinates of `count` draws, as for ParzenPoints.
  std::vector<double> draw(size_t count, Rng& rng);

 private:
  struct Place {  // on one axis
    float coordinate;
    uint32_t number;
    auto operator<=>(const Place&) const = default;
  };

  size_t numeric() const { return table_.smooth + table_.levels; }
  size_t row_of(int64_t number) const;
  template <typename F>
  void each_column(const F& move);
  void make_room();
  void update_gap(size_t axis, size_t rank);
  void prepare();
  void prepare_weights();
  ParzenMemo memo(size_t axis, const ParzenPoints& points, size_t point);

  std::shared_ptr<const ParzenAxes> axes_;
  ParzenWeights weighting_;
  std::vector<int64_t> numbers_;            // ascending; observation i is kernel i + 1
  std::vector<std::vector<Place>> places_;  // per numeric axis, ascending
  // Kernel 0, the prior, is in row begin_ of the columns, which lie one after the other in
  // storage_.
  ParzenTable table_{};
  std::vector<float> storage_;
  std::vector<char> stale_;  // rows of which widths and constants are to be computed
  size_t begin_ = 0;
  // Per axis with levels some slots; a level has its place in one of them, see ParzenMemo.
  struct Slot {
    float low = -1, high = -1;
    std::vector<float> columns = {};
  };
  std::vector<Slot> slots_;
  std::vector<float> weights_, work_, log_hit_;  // per kernel, per kernel, per axis of choices
  size_t weighed_ = SIZE_MAX;                    // observations that weights_ is for
  double log_weights_ = 0;                       // of their sum
  float narrowest_ = 0;
};

}  // namespace attune::tune::internal
