#pragma once
// The categorical side of CMA-ES: each choice has a probability, which each generation moves
// towards the frequency of the choice among its better points (population-based incremental
// learning: Baluja, 1994; with the ranks' weights, and a margin as integers have one: Hamano et
// al., "CatCMA: stochastic optimization for mixed-category problems", 2024).

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace attune::tune::internal {

class CmaChoices {
 public:
  explicit CmaChoices(size_t count);

  const std::vector<double>& probabilities() const { return probabilities_; }
  int64_t at(double u) const;  // the choice that a number from [0, 1) stands for

  // choices: by rank, -1 where there was none; weights: theirs, 0 or above. Every probability stays
  // at least `margin` (cut down to 1 / count).
  void update(std::span<const int64_t> choices, std::span<const double> weights, double margin);

 private:
  std::vector<double> probabilities_;
};

}  // namespace attune::tune::internal
