#pragma once
// Functions with several objectives, all to be minimised: ZDT1 to ZDT3 (Zitzler, Deb and Thiele,
// "Comparison of multiobjective evolutionary algorithms", 2000) and DTLZ2 (Deb et al., 2002).

#include <functional>
#include <string>
#include <vector>

#include "attune/tune/space.h"

namespace attune::quality {

struct MultiObjective {
  std::string name;
  tune::Space space;
  std::function<std::vector<double>(const tune::Params&)> value;
  std::vector<double> reference;  // what hypervolumes are measured against
};

// zdt1 zdt2 zdt3 (30 parameters), dtlz2 (12 parameters, 3 objectives), as in the papers; and
// zdt1_8 zdt2_8 zdt3_8 dtlz2_8, the same with 8 parameters, which is what 200 trials can search.
// Reference points: 11 for ZDT, 1.1 for DTLZ2, in each objective, as BoTorch has them.
std::vector<MultiObjective> multi_objective_problems();

}  // namespace attune::quality
