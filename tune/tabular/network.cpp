#include "attune/tune/tabular/network.h"

#include "attune/nn/activation.h"
#include "attune/nn/dropout.h"
#include "attune/nn/ensemble.h"
#include "attune/nn/linear.h"

namespace attune::tune {

nn::Sequential make_perceptron(const PerceptronShape& shape, Rng weights, const Rng& dropout) {
  nn::Sequential network;
  int64_t in = shape.inputs + shape.pieces;
  for (int64_t layer = 0; layer < shape.layers; ++layer) {
    network.add(nn::Linear(in, shape.width, weights)).add(nn::ReLU{});
    if (shape.dropout > 0) {
      Rng stream = dropout.fork(layer);
      network.add(nn::Dropout(shape.dropout, stream));
    }
    in = shape.width;
  }
  network.add(nn::Linear(in, shape.outputs, weights));
  return network;
}

nn::Sequential behind_pieces(nn::PiecewiseLinear pieces, nn::Sequential perceptron) {
  if (pieces.pieces() == 0) return perceptron;
  nn::Sequential network;
  network.add("pieces", std::move(pieces)).add("perceptron", std::move(perceptron));
  return network;
}

nn::Sequential mean_of_networks(const std::vector<nn::Sequential>& networks, Task task) {
  if (networks.size() == 1) return networks[0];
  nn::Ensemble mean(task == Task::classification ? nn::Mean::probabilities : nn::Mean::outputs);
  for (const nn::Sequential& network : networks) mean.add(network);
  nn::Sequential whole;
  whole.add("mean", std::move(mean));
  return whole;
}

nn::Sequential make_network(const std::vector<PerceptronShape>& shapes, Task task) {
  std::vector<nn::Sequential> networks;
  for (const PerceptronShape& shape : shapes) {
    networks.push_back(behind_pieces(nn::PiecewiseLinear(shape.inputs, shape.pieces),
                                     make_perceptron(shape, Rng(0), Rng(0))));
  }
  return mean_of_networks(networks, task);
}

int64_t count_numbers(const PerceptronShape& shape) {
  const auto layer = [](int64_t in, int64_t out) { return (in + 1) * out; };
  const int64_t in = shape.inputs + shape.pieces;
  const int64_t pieces = 3 * shape.pieces;  // the column, the beginning and the width of each
  if (shape.layers == 0) return pieces + layer(in, shape.outputs);
  return pieces + layer(in, shape.width) + (shape.layers - 1) * layer(shape.width, shape.width) +
         layer(shape.width, shape.outputs);
}

}  // namespace attune::tune
