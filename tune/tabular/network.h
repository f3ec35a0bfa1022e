#pragma once
// The networks that tables are learned by: perceptrons, behind pieces of the inputs' ranges, and
// the mean of several of them.

#include <cstdint>
#include <vector>

#include "attune/base/rng.h"
#include "attune/nn/piecewise_linear.h"
#include "attune/nn/sequential.h"
#include "attune/tune/tabular/target.h"

namespace attune::tune {

// What a network is built from, beside the sizes of its two ends: parameters layers (hidden ones),
// width and dropout, and into how many pieces the ranges of all inputs are cut (0: into none).
struct PerceptronShape {
  int64_t inputs = 0, outputs = 0;
  int64_t pieces = 0;
  int64_t layers = 2, width = 64;
  double dropout = 0;
};

// Linear, ReLU, Dropout for each hidden layer, then Linear, for inputs and pieces. `weights` draws
// the starting values, `dropout` is what the dropout layers draw from in training.
nn::Sequential make_perceptron(const PerceptronShape& shape, Rng weights, const Rng& dropout);

// The network that cuts inputs into pieces, then calls a perceptron which was trained on such; the
// perceptron itself where there are no pieces.
nn::Sequential behind_pieces(nn::PiecewiseLinear pieces, nn::Sequential perceptron);

// The network that says the mean of what several say; the network itself if there is one only.
nn::Sequential mean_of_networks(const std::vector<nn::Sequential>& networks, Task task);

// An untrained network of each shape, and their mean: as they were saved.
nn::Sequential make_network(const std::vector<PerceptronShape>& shapes, Task task);

// How many numbers make_network() holds for one shape, buffers among them.
int64_t count_numbers(const PerceptronShape& shape);

}  // namespace attune::tune
