#pragma once
// What to expect of parameters that were not tried, by the Gaussian process that bayesian() uses.
//   const tune::Estimate e = study.predict({{"lr", 0.003}, {"layers", 4}});

namespace attune::tune {

// In the objective's units. With 95 % the mean of many runs with these parameters lies within
// 1.96 deviations of `mean`; a single run scatters by `noise` around that.
struct Estimate {
  double mean = 0;
  double deviation = 0;
  double noise = 0;  // deviation of one run from the next, as the trials show it
};

// Study::predict(params) takes values for the parameters of Study::space() that are active (a
// parameter that only some trials have, in a study that did not declare its space, may be left out
// and is not looked at). Several at once share one fit. ValueError: a parameter is missing, unknown
// or out of its range, several objectives, or fewer than two trials whose losses can be believed.

}  // namespace attune::tune
