#pragma once
// A trained network for tables, with all that predicting needs: how the columns are read, scaled
// and named.

#include <span>
#include <string>
#include <vector>

#include "attune/nn/sequential.h"
#include "attune/nn/standardizer.h"
#include "attune/tune/tabular/table_encoder.h"
#include "attune/tune/tabular/target.h"
#include "attune/tune/value.h"

namespace attune::tune {

// What a network is built from, beside the sizes of its two ends: parameters layers (hidden ones),
// width and dropout.
struct PerceptronShape {
  int64_t inputs = 0, outputs = 0;
  int64_t layers = 2, width = 64;
  double dropout = 0;
};
// Linear, ReLU, Dropout for each hidden layer, then Linear. `weights` draws the starting values,
// `dropout` is what the dropout layers draw from in training.
nn::Sequential make_perceptron(const PerceptronShape& shape, Rng weights, const Rng& dropout);

struct Predictions {
  std::vector<std::string> names;         // of the new columns: income_predicted, p_low, …
  std::vector<std::string> classes = {};  // by row; empty for numbers
  std::vector<double> numbers = {};       // by row; empty for classes
  std::vector<std::vector<double>> probability = {};  // by class, then by row; they sum to 1
};

struct TabularModel {
  TableEncoder encoder = {};
  Target target = {};
  nn::Standardizer scale{1};       // of the encoder's columns
  double mean = 0, deviation = 1;  // of the target, for numbers
  PerceptronShape shape = {};
  nn::Sequential network = {};

  // The network's inputs, f32 [rows, inputs]: encoded, on one scale, and within +-10 deviations, so
  // that a value far from all that was learned from cannot drown the others.
  Tensor inputs(const Table& table, std::span<const int64_t> rows) const;
  // The target on the network's scale: i64 [rows] classes, or f32 [rows, 1].
  Tensor labels(const Table& table, const std::vector<int64_t>& rows) const;

  Predictions predict(const Table& table);

  // One safetensors file: the tensors, and the rest as JSON in its metadata under "attune". IoError
  // when it cannot be written, is cut short or is no such file.
  void save(const std::string& path) const;
  static TabularModel load(const std::string& path);
};

}  // namespace attune::tune
