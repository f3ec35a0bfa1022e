#pragma once
// A regression tree, as what it is to an analysis of variance: a partition of the unit cube into
// boxes, each with a value. Breiman, Friedman, Olshen and Stone, "Classification and regression
// trees" (1984): least squares, choices split in the order of their means.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "attune/base/rng.h"
#include "attune/tune/analysis/internal/effects.h"

namespace attune::tune::internal {

// Part of the unit cube. Numbers: between edges(column)[low] and edges(column)[high]. Choices:
// those marked.
struct Box {
  std::vector<int32_t> low, high;
  std::vector<std::vector<uint8_t>> marked;
  double volume = 1;  // a choice of K takes 1 / K of its dimension
};

class RegressionTree {
 public:
  // Of the rows with weight above 0. Grows until rows have one value, or `max_depth`; `rng` orders
  // columns that would split equally well. The table must be free of NaN.
  RegressionTree(const EffectsTable& table, std::span<const double> weights, int max_depth,
                 Rng rng);

  // The places where boxes end in a column of numbers, 0 and 1 among them, ascending.
  const std::vector<double>& edges(size_t column) const { return edges_[column]; }

  int64_t choices(size_t column) const { return choices_[column]; }  // 0: a column of numbers

  // Each leaf once. The boxes have volumes that sum to 1.
  void for_each_leaf(const std::function<void(const Box& box, double value)>& visit) const;

 private:
  struct Node {
    int32_t column = -1;  // -1: a leaf
    int32_t left = 0, right = 0;
    double threshold = 0;                 // numbers up to here go left
    std::vector<uint8_t> goes_left = {};  // by choice
    double value = 0;
  };
  class Grower;

  void walk(const Node& node, Box& box, const std::function<void(const Box&, double)>& visit) const;

  std::vector<Node> nodes_;
  std::vector<int64_t> choices_;
  std::vector<std::vector<double>> edges_;
};

}  // namespace attune::tune::internal
