#pragma once
// A trained network for tables, with all that predicting needs: how the columns are read, scaled
// and named.

#include <span>
#include <string>
#include <vector>

#include "attune/nn/sequential.h"
#include "attune/tune/tabular/network.h"
#include "attune/tune/tabular/table_encoder.h"
#include "attune/tune/tabular/target.h"
#include "attune/tune/value.h"

namespace attune::tune {

struct Predictions {
  std::vector<std::string> names;         // of the new columns: income_predicted, p_low, …
  std::vector<std::string> classes = {};  // by row; empty for numbers
  std::vector<double> numbers = {};       // by row, percents in percent; empty for classes
  char decimal = '.';                     // the sign before decimals as the table has it
  bool percent = false;                   // the numbers are percents
  std::vector<std::vector<double>> probability = {};  // by class, then by row; they sum to 1
  std::vector<std::string> remarks = {};  // on cells of the table that the model does not know
};

struct TabularModel {
  TableEncoder encoder = {};
  Target target = {};
  double mean = 0, deviation = 1;            // of the target, for numbers
  std::vector<PerceptronShape> shapes = {};  // of the networks whose mean it is
  nn::Sequential network = {};

  // The target on the network's scale: i64 [rows] classes, or f32 [rows, 1].
  Tensor labels(const std::vector<int64_t>& rows) const;

  // Makes the mean of several models of the same rows: of their probabilities, or numbers.
  static TabularModel mean_of(const std::vector<TabularModel>& models);

  // Reads the table as the one that the model was made of. ValueError as TableEncoder::read().
  Predictions predict(const Sheet& sheet, const std::vector<std::string>& missing = {}) const;

  // One safetensors file: the tensors, and the rest as JSON in its metadata under "attune". IoError
  // when it cannot be written, is cut short or is no such file, or holds numbers that are none.
  void save(const std::string& path) const;
  // Saves beside the place and removes it again. Throws what save() would.
  void rehearse_saving(const std::string& path) const;
  static TabularModel load(const std::string& path);
};

}  // namespace attune::tune
