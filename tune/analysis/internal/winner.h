#pragma once
// What is known of the best of several after it was picked for being the best: its mean is high
// because it is good and because it was lucky.

#include <cstddef>
#include <span>
#include <vector>

namespace attune::tune::internal {

// What runs of the candidate with the lowest mean are expected to give: each repeat is left out in
// turn, the others pick, and the one left out measures, so that no value both picks and measures.
// Each candidate has at least two values, all of one scale. Slightly too high, by what a pick from
// one repeat less is worse. After Varma and Simon, "Bias in error estimation when using
// cross-validation for model selection" (2006).
double expected_of_lowest(std::span<const std::vector<double>> candidates);

// For the truth behind the highest of `candidates` estimates with this standard error (t
// distributed with `dof` degrees of freedom): low with all candidates in mind (Bonferroni), because
// any of them may have been lucky. High as if there had been no choice: were the picked one too low
// by so much, so would be the truly best one, which is not higher. Covers with probability `level`
// or more for any truth, ties included.
struct WinnerInterval {
  double low, high;
};
WinnerInterval interval_of_highest(double estimate, double error, double dof, size_t candidates,
                                   double level);

}  // namespace attune::tune::internal
