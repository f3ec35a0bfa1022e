#pragma once
// Tables to learn from, made here, with something to find in them.

#include <cmath>
#include <string>

#include <fmt/format.h>

#include "attune/base/rng.h"

namespace attune::test {

// price = a curve of size and age, and some noise; a tenth of the ages missing.
inline std::string houses(int rows) {
  Rng rng(11);
  std::string text = "size,age,price\n";
  for (int i = 0; i < rows; ++i) {
    const double size = rng.uniform(20, 200), age = rng.uniform(0, 60);
    const double price = 2 * size - 0.02 * age * age + 30 * std::sin(size / 25) + rng.normal() * 8;
    text += fmt::format("{:.1f},{},{:.2f}\n", size,
                        rng.uniform() < 0.1 ? "" : fmt::format("{:.1f}", age), price);
  }
  return text;
}

// loan = yes or no by income, job and town; text columns, one value missing now and then.
inline std::string loans(int rows) {
  Rng rng(12);
  const char* jobs[] = {"clerk", "smith", "baker", ""};
  const char* towns[] = {"Ulm", "Bonn", "\"Weil, Rhein\""};
  std::string text = "income;job;town;loan\n";
  for (int i = 0; i < rows; ++i) {
    const auto job = rng.below(4), town = rng.below(3);
    const double income = rng.uniform(1, 5);
    const bool yes = income + (job == 1 ? 1.5 : 0) - (town == 2 ? 1 : 0) > 3;
    text += fmt::format("{:.2f};{};{};{}\n", income, jobs[job], towns[town], yes ? "yes" : "no");
  }
  return text;
}

// Three classes, no header, ten columns of which two matter, a tenth of the labels wrong.
inline std::string noisy(int rows) {
  Rng rng(13);
  std::string text;
  for (int i = 0; i < rows; ++i) {
    double x[10];
    for (double& value : x) text += fmt::format("{:.3f},", value = rng.normal());
    const int label = rng.uniform() < 0.1 ? static_cast<int>(rng.below(3))
                                          : (x[0] > 0.4 ? 2
                                             : x[1] > 0 ? 1
                                                        : 0);
    text += fmt::format("{}\n", label);
  }
  return text;
}

}  // namespace attune::test
