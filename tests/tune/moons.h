#pragma once
// A small task for searches, and a network for it.

#include <cmath>
#include <memory>
#include <vector>

#include "attune/base/rng.h"
#include "attune/nn/activation.h"
#include "attune/nn/linear.h"
#include "attune/nn/sequential.h"
#include "attune/tensor/tensor.h"
#include "attune/tune/value.h"

namespace attune {

// Two interleaved half circles and some noise: no line divides them.
struct Moons {
  Tensor x, y;
  explicit Moons(int64_t rows = 200) {
    Rng rng(5);
    std::vector<float> points;
    std::vector<int64_t> labels;
    for (int64_t i = 0; i < rows; ++i) {
      const int64_t label = i % 2;
      const double angle = rng.uniform(0, 3.14159), side = label ? -1 : 1;
      points.push_back(
          static_cast<float>(side * std::cos(angle) + (label ? 1 : 0) + 0.1 * rng.normal()));
      points.push_back(
          static_cast<float>(side * std::sin(angle) + (label ? 0.5 : 0) + 0.1 * rng.normal()));
      labels.push_back(label);
    }
    x = Tensor::from(points, {rows, 2});
    y = Tensor::from(labels, {rows});
  }
};

inline std::unique_ptr<nn::Module> small_net(const attune::tune::Params& p, Rng& rng) {
  const int64_t width = p.get("width", int64_t{16});
  return std::make_unique<nn::Sequential>(nn::Linear(2, width, rng), nn::ReLU{},
                                          nn::Linear(width, 2, rng));
}

}  // namespace attune
