#pragma once
// Learning-rate adaptation for noisy and multimodal objectives (Nomura, Akimoto and Ono, "CMA-ES
// with learning rate adaptation: can CMA-ES with default population size solve multimodal and noisy
// problems?", 2023): the mean and the covariance move by as much of their update as keeps its
// signal-to-noise ratio constant.

#include <cstddef>
#include <vector>

#include "attune/tune/samplers/internal/cma/covariance.h"

namespace attune::tune::internal {

class CmaLearningRate {
 public:
  explicit CmaLearningRate(size_t dimensions);

  struct Before {  // the distribution before its update
    const std::vector<double>& mean;
    const std::vector<double>& scale;
    double sigma;
    const CmaCovariance& covariance;  // full
  };
  // Takes back part of an update.
  void damp(const Before& before, std::vector<double>& mean, double& sigma,
            CmaCovariance& covariance);

 private:
  // The rate of one of the two parts, and what it is found from.
  struct Rate {
    double eta = 1, beta = 0;
    std::vector<double> average = {};  // of the updates
    double square = 0;                 // average of their squared lengths

    void adapt(const std::vector<double>& update);
  };

  Rate mean_, covariance_;
};

}  // namespace attune::tune::internal
