#include "attune/tune/analysis/internal/regression_tree.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace attune::tune::internal {
namespace {

constexpr double kSmallestGain = 1e-12;  // of the whole sum of squares: below this rounding rules

struct Split {
  double gain = 0;
  int32_t column = -1;
  double threshold = 0;
  std::vector<uint8_t> goes_left = {};
};

struct Sums {
  double weight = 0, value = 0;  // value: weighted
  void add(double w, double y) { weight += w, value += w * y; }
  double score() const { return weight > 0 ? value * value / weight : 0; }
};

Sums operator-(const Sums& a, const Sums& b) { return {a.weight - b.weight, a.value - b.value}; }

}  // namespace

// Rows are kept sorted by each column of numbers; a split divides each list and keeps its order, so
// that growing costs one pass over the columns per level.
class RegressionTree::Grower {
 public:
  Grower(const EffectsTable& table, std::span<const double> weights, int max_depth, Rng rng)
      : table_(table), weights_(weights), max_depth_(max_depth), rng_(rng) {
    for (size_t r = 0; r < weights.size(); ++r) {
      if (weights[r] > 0) rows_.push_back(static_cast<int32_t>(r));
    }
    Sums all;
    for (const int32_t r : rows_) all.add(weight(r), table.losses[at(r)]);
    for (size_t r = 0; r < weights.size(); ++r) {  // centred: sums of squares keep their digits
      centred_.push_back(table.losses[r] - all.value / all.weight);
    }
    mean_ = all.value / all.weight;
    double squares = 0;
    for (const int32_t r : rows_) squares += weight(r) * centred_[at(r)] * centred_[at(r)];
    smallest_gain_ = kSmallestGain * squares;

    sorted_.resize(table.columns.size());
    for (size_t c = 0; c < table.columns.size(); ++c) {
      columns_.push_back(static_cast<int32_t>(c));
      if (table.columns[c].choices > 0) continue;
      sorted_[c] = rows_;
      const auto& values = table.columns[c].values;
      std::stable_sort(sorted_[c].begin(), sorted_[c].end(),
                       [&](int32_t a, int32_t b) { return values[at(a)] < values[at(b)]; });
    }
    on_left_.resize(weights.size());
  }

  std::vector<Node> grow() {
    grow(0, rows_.size(), 0);
    return std::move(nodes_);
  }

 private:
  static size_t at(int32_t row) { return static_cast<size_t>(row); }
  double weight(int32_t row) const { return weights_[at(row)]; }

  int32_t grow(size_t begin, size_t end, int depth) {
    const auto index = static_cast<int32_t>(nodes_.size());
    nodes_.emplace_back();
    Sums all;
    for (size_t i = begin; i < end; ++i) all.add(weight(rows_[i]), centred_[at(rows_[i])]);
    nodes_.back().value = mean_ + all.value / all.weight;
    if (depth >= max_depth_ || end - begin < 2) return index;

    Split best{smallest_gain_};
    for (size_t i = columns_.size(); i > 1; --i) {  // of equal splits the first column's wins
      std::swap(columns_[i - 1], columns_[rng_.below(i)]);
    }
    for (const int32_t c : columns_) {
      if (table_.columns[at(c)].choices > 0) {
        split_choices(c, begin, end, all, best);
      } else {
        split_numbers(c, begin, end, all, best);
      }
    }
    if (best.column < 0) return index;

    const size_t middle = divide(best, begin, end);
    nodes_[at(index)].column = best.column;
    nodes_[at(index)].threshold = best.threshold;
    nodes_[at(index)].goes_left = std::move(best.goes_left);
    const int32_t left = grow(begin, middle, depth + 1);
    const int32_t right = grow(middle, end, depth + 1);
    nodes_[at(index)].left = left, nodes_[at(index)].right = right;
    return index;
  }

  void split_numbers(int32_t column, size_t begin, size_t end, const Sums& all, Split& best) {
    const auto& values = table_.columns[at(column)].values;
    const auto& order = sorted_[at(column)];
    Sums left;
    for (size_t i = begin; i + 1 < end; ++i) {
      left.add(weight(order[i]), centred_[at(order[i])]);
      const double below = values[at(order[i])], above = values[at(order[i + 1])];
      if (!(below < above)) continue;
      const double gain = left.score() + (all - left).score() - all.score();
      if (!(gain > best.gain)) continue;
      const double middle = below + (above - below) / 2;
      best = {gain, column, middle < above ? middle : below, {}};
    }
  }

  void split_choices(int32_t column, size_t begin, size_t end, const Sums& all, Split& best) {
    const Column& of = table_.columns[at(column)];
    std::vector<Sums> sums(static_cast<size_t>(of.choices));
    for (size_t i = begin; i < end; ++i) {
      const int32_t r = rows_[i];
      sums[static_cast<size_t>(of.values[at(r)])].add(weight(r), centred_[at(r)]);
    }
    std::vector<size_t> present;
    for (size_t k = 0; k < sums.size(); ++k) {
      if (sums[k].weight > 0) present.push_back(k);
    }
    std::stable_sort(present.begin(), present.end(), [&](size_t a, size_t b) {
      return sums[a].value / sums[a].weight < sums[b].value / sums[b].weight;
    });
    Sums left;
    for (size_t k = 0; k + 1 < present.size(); ++k) {
      left.weight += sums[present[k]].weight, left.value += sums[present[k]].value;
      const Sums right = all - left;
      const double gain = left.score() + right.score() - all.score();
      if (!(gain > best.gain)) continue;
      // Choices that no row here has go with the greater part.
      best = {gain, column, 0, std::vector<uint8_t>(sums.size(), left.weight > right.weight)};
      for (size_t j = 0; j < present.size(); ++j) best.goes_left[present[j]] = j <= k;
    }
  }

  // Brings the rows that go left to the front of every list; returns where the others begin.
  size_t divide(const Split& split, size_t begin, size_t end) {
    const auto& values = table_.columns[at(split.column)].values;
    for (size_t i = begin; i < end; ++i) {
      const double v = values[at(rows_[i])];
      on_left_[at(rows_[i])] =
          split.goes_left.empty() ? v <= split.threshold : split.goes_left[static_cast<size_t>(v)];
    }
    const auto divide_list = [&](std::vector<int32_t>& list) {
      const auto first = list.begin() + static_cast<std::ptrdiff_t>(begin);
      const auto last = list.begin() + static_cast<std::ptrdiff_t>(end);
      return std::stable_partition(first, last, [&](int32_t r) { return on_left_[at(r)] != 0; }) -
             list.begin();
    };
    for (auto& list : sorted_) {
      if (!list.empty()) divide_list(list);
    }
    return static_cast<size_t>(divide_list(rows_));
  }

  const EffectsTable& table_;
  std::span<const double> weights_;
  int max_depth_;
  Rng rng_;
  std::vector<double> centred_;
  double mean_ = 0, smallest_gain_ = 0;
  std::vector<int32_t> rows_, columns_;
  std::vector<std::vector<int32_t>> sorted_;  // by column; empty for choices
  std::vector<uint8_t> on_left_;
  std::vector<Node> nodes_;
};

RegressionTree::RegressionTree(const EffectsTable& table, std::span<const double> weights,
                               int max_depth, Rng rng)
    : nodes_(Grower(table, weights, max_depth, rng).grow()), edges_(table.columns.size()) {
  for (const Column& c : table.columns) choices_.push_back(c.choices);
  for (auto& e : edges_) e = {0, 1};
  for (const Node& node : nodes_) {
    if (node.column >= 0 && node.goes_left.empty()) {
      edges_[static_cast<size_t>(node.column)].push_back(node.threshold);
    }
  }
  for (auto& e : edges_) {
    std::sort(e.begin(), e.end());
    e.erase(std::unique(e.begin(), e.end()), e.end());
  }
}

void RegressionTree::for_each_leaf(
    const std::function<void(const Box& box, double value)>& visit) const {
  Box box;
  for (size_t c = 0; c < edges_.size(); ++c) {
    box.low.push_back(0);
    box.high.push_back(static_cast<int32_t>(edges_[c].size()) - 1);
    box.marked.emplace_back(static_cast<size_t>(choices_[c]), uint8_t{1});
  }
  walk(nodes_.front(), box, visit);
}

void RegressionTree::walk(const Node& node, Box& box,
                          const std::function<void(const Box&, double)>& visit) const {
  if (node.column < 0) {
    visit(box, node.value);
    return;
  }
  const auto c = static_cast<size_t>(node.column);
  const Node &left = nodes_[static_cast<size_t>(node.left)],
             &right = nodes_[static_cast<size_t>(node.right)];
  const double volume = box.volume;
  if (node.goes_left.empty()) {
    const auto& e = edges_[c];
    const auto place =
        static_cast<int32_t>(std::lower_bound(e.begin(), e.end(), node.threshold) - e.begin());
    const int32_t low = box.low[c], high = box.high[c];
    const double width = e[static_cast<size_t>(high)] - e[static_cast<size_t>(low)];
    box.high[c] = place;
    box.volume = volume * (node.threshold - e[static_cast<size_t>(low)]) / width;
    walk(left, box, visit);
    box.high[c] = high, box.low[c] = place;
    box.volume = volume * (e[static_cast<size_t>(high)] - node.threshold) / width;
    walk(right, box, visit);
    box.low[c] = low, box.volume = volume;
    return;
  }
  const std::vector<uint8_t> before = box.marked[c];
  const auto count = [](const std::vector<uint8_t>& marks) {
    return static_cast<double>(std::accumulate(marks.begin(), marks.end(), int64_t{0}));
  };
  for (const bool to_left : {true, false}) {
    for (size_t k = 0; k < before.size(); ++k) {
      box.marked[c][k] = before[k] && (node.goes_left[k] != 0) == to_left;
    }
    box.volume = volume * count(box.marked[c]) / count(before);
    walk(to_left ? left : right, box, visit);
  }
  box.marked[c] = before, box.volume = volume;
}

}  // namespace attune::tune::internal
