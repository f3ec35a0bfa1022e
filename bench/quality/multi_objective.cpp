#include "multi_objective.h"

#include <cmath>
#include <numbers>

namespace attune::quality {
namespace {

std::vector<double> unpacked(const tune::Params& params, size_t dims) {
  std::vector<double> x;
  for (size_t i = 0; i < dims; ++i) x.push_back(params.at("x" + std::to_string(i)).as_double());
  return x;
}

tune::Space unit_cube(size_t dims) {
  tune::Space space;
  for (size_t i = 0; i < dims; ++i) space.add("x" + std::to_string(i), tune::range(0, 1));
  return space;
}

std::vector<double> zdt(int which, const std::vector<double>& x) {
  double sum = 0;
  for (size_t i = 1; i < x.size(); ++i) sum += x[i];
  const double g = 1 + 9 * sum / static_cast<double>(x.size() - 1), ratio = x[0] / g;
  double h = which == 2 ? 1 - ratio * ratio : 1 - std::sqrt(ratio);
  if (which == 3) h -= ratio * std::sin(10 * std::numbers::pi * x[0]);
  return {x[0], g * h};
}

// Three objectives: a sphere's surface, and the distance from it.
std::vector<double> dtlz2(const std::vector<double>& x) {
  double g = 0;
  for (size_t i = 2; i < x.size(); ++i) g += (x[i] - 0.5) * (x[i] - 0.5);
  const double a = x[0] * std::numbers::pi / 2, b = x[1] * std::numbers::pi / 2;
  return {(1 + g) * std::cos(a) * std::cos(b), (1 + g) * std::cos(a) * std::sin(b),
          (1 + g) * std::sin(a)};
}

}  // namespace

std::vector<MultiObjective> multi_objective_problems() {
  std::vector<MultiObjective> problems;
  for (const bool small : {false, true}) {
    const std::string suffix = small ? "_8" : "";
    for (const int which : {1, 2, 3}) {
      const size_t dims = small ? 8 : 30;
      problems.push_back({"zdt" + std::to_string(which) + suffix,
                          unit_cube(dims),
                          [=](const tune::Params& p) { return zdt(which, unpacked(p, dims)); },
                          {11, 11}});
    }
    const size_t dims = small ? 8 : 12;
    problems.push_back({"dtlz2" + suffix,
                        unit_cube(dims),
                        [=](const tune::Params& p) { return dtlz2(unpacked(p, dims)); },
                        {1.1, 1.1, 1.1}});
  }
  return problems;
}

}  // namespace attune::quality
