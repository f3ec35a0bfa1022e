#pragma once
// How `attune fit` makes a model of a table, as a reproducible unit: a recipe, a trial's parameters
// and its random streams determine every report and every weight, bit for bit.

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "attune/nn/split.h"
#include "attune/tune/space.h"
#include "attune/tune/study.h"
#include "attune/tune/tabular/tabular_model.h"
#include "attune/tune/training.h"

namespace attune::tune {

struct RecipeOptions {
  std::string target;
  std::optional<Task> task = {};  // none: as the column looks
  double validation = 0.2;        // shares of the rows
  double test = 0.2;
  uint64_t seed = 0;  // of the split
};

// A trial's random numbers.
struct Streams {
  Rng weights, order, dropout;
};
Streams streams_of(const Study& study, int64_t trial);

class Recipe {
 public:
  // Splits the rows whose target is known, by class where there are classes, and prepares the
  // training and validation parts. ValueError as Target::find, TableEncoder::fit and nn::split.
  Recipe(Table table, RecipeOptions options);

  // lr, batch_size, layers, width, weight_decay, dropout, epochs.
  static Space space();

  const Target& target() const { return target_; }
  const std::vector<std::string>& dropped() const { return columns_.encoder.dropped(); }
  int64_t rows() const { return rows_; }  // with a known target
  int64_t rows_without_target() const { return table_.rows - rows(); }
  int64_t train_rows() const { return static_cast<int64_t>(train_rows_.size()); }
  int64_t validation_rows() const { return static_cast<int64_t>(validation_rows_.size()); }
  int64_t test_rows() const { return rows() - train_rows() - validation_rows(); }
  int64_t inputs() const { return columns_.encoder.inputs(); }

  struct Trained {
    nn::Sequential network;
    Training training;
  };
  // Trains on the training part. May be called from several threads.
  Trained train(const Params& params, const Streams& streams,
                const std::function<bool(int64_t epoch, double score)>& on_score = {}) const;

  // The same on training and validation part together, with all that predicting needs.
  TabularModel final_model(const Params& params, const Streams& streams,
                           int64_t* steps = nullptr) const;

  // The rows of the sealed test part. Error the second time.
  nn::Dataset open_test();
  // Accuracy or R^2 of the model on an opened part.
  double score(TabularModel& model, const nn::Dataset& rows) const;

  // Equal for equal tables, options and versions of the recipe.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  // Encodes the rows with what `model` has learned of the columns.
  nn::Dataset prepare(const TabularModel& model, const std::vector<int64_t>& rows) const;
  // A model that has learned of the columns from the rows, without a network yet.
  TabularModel columns_of(const std::vector<int64_t>& rows) const;
  PerceptronShape shape_of(const Params& params, const TabularModel& columns) const;

  Table table_;
  RecipeOptions options_;
  Target target_;
  std::vector<int64_t> train_rows_, validation_rows_;
  nn::Sealed<nn::Dataset> test_;  // x: row numbers
  TabularModel columns_;
  nn::Dataset train_, validation_;
  int64_t rows_ = 0;
  uint64_t fingerprint_ = 0;
};

}  // namespace attune::tune
