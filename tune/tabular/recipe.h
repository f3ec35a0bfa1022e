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
#include "attune/tune/tabular/score.h"
#include "attune/tune/tabular/tabular_model.h"
#include "attune/tune/train/training.h"

namespace attune::tune {

// A change of the recipe that changes numbers counts up.
inline constexpr int64_t kRecipeVersion = 3;

struct RecipeOptions {
  std::string target;
  std::optional<Task> task = {};          // none: as the column looks
  std::vector<std::string> missing = {};  // texts that mean "not known", beside the usual ones
  bool keep_index = false;                // keep columns that look like an index or an identifier
  std::optional<Score> score = {};        // none: accuracy of classes, R^2 of numbers
  std::string group = {};                 // rows with equal cells in this column stay together
  std::string time = {};                  // the rows that are last by this column are the test
  // Above 0: a trial trains once for each of so many folds of training and validation part, and
  // its score is their mean. kAutomaticFolds: 5 for small tables.
  int64_t folds = 0;
  double validation = 0.2;  // shares of the rows
  double test = 0.2;        // 0: there is no test part
  uint64_t seed = 0;        // of the split
};

// 5 folds for fewer rows than this to train on and choose by, else one validation part.
inline constexpr int64_t kAutomaticFolds = -1, kSmallTable = 1000;

// A trial's random numbers.
struct Streams {
  Rng weights, order, dropout;
};
Streams streams_of(const Study& study, int64_t trial);

// What a fork's ancestors did before it: with these parameters and streams, epochs first to last.
struct Stage {
  Params params;
  Streams streams;
  int64_t first = 0, last = 0;
};
std::vector<Stage> stages_before(const Study& study, int64_t trial);  // empty: it is no fork

class Recipe {
 public:
  // Splits the rows whose target is known, by class where there are classes, and prepares the
  // training and validation parts. ValueError as Target::find, TableEncoder::fit and nn::split.
  Recipe(const Sheet& sheet, RecipeOptions options);

  // lr, batch_size, layers, width, weight_decay, dropout, epochs, and pieces (into how many the
  // range of each input is cut; see nn::PiecewiseLinear) where a column has values to cut between.
  Space space() const;

  // Settings of the linear model that a network is compared with. It is trained like one.
  Params linear() const;

  const Target& target() const { return target_; }
  Score score() const { return score_; }
  const TableEncoder& encoder() const { return parts_[0].columns.encoder; }
  int64_t folds() const { return options_.folds; }
  int64_t rows() const { return std::ssize(target_.rows()); }  // with a known target
  int64_t rows_without_target() const { return table_.sheet.rows() - rows(); }
  // What the user should know of how the table was read.
  std::vector<std::string> remarks() const;
  int64_t train_rows() const { return static_cast<int64_t>(train_rows_.size()); }
  int64_t validation_rows() const { return static_cast<int64_t>(validation_rows_.size()); }
  int64_t test_rows() const { return rows() - train_rows() - validation_rows(); }
  int64_t inputs() const { return encoder().inputs(); }

  struct Trained {
    nn::Sequential network;
    Training training;
    double loss = 0;  // on the validation part: cross-entropy, or squares on the network's scale
  };
  // Trains on the training part, and reports the score on the validation part after each epoch;
  // with folds the mean of the folds so far, after each fold. Called from several threads.
  // With a trial the state is kept while that pauses, and training goes on where it stood.
  Trained train(const Params& params, const Streams& streams, const OnScore& on_score = {},
                const std::function<bool()>& go_on = {}, Trial* trial = nullptr,
                const std::vector<Stage>& before = {}) const;

  // The same on training and validation part together, with all that predicting needs.
  TabularModel final_model(const Params& params, const Streams& streams,
                           Training* training = nullptr, const std::function<bool()>& go_on = {},
                           const std::vector<Stage>& before = {}) const;

  // Always the most frequent class, by the shares of the classes, or the mean: as a model, and its
  // score on the validation part.
  TabularModel constant_model() const;
  double constant_score() const;

  // A model that has not learned, of the size of the default one: for finding out whether models
  // can be saved.
  TabularModel untrained_model() const;

  // The rows of the sealed test part. Error the second time.
  nn::Dataset open_test();
  double score(const TabularModel& model, const nn::Dataset& rows) const;  // on an opened part

  // Equal for equal tables, options and versions of the recipe.
  uint64_t fingerprint() const { return fingerprint_; }

 private:
  // Rows to train on and rows to choose by: one of these, or one for each fold.
  struct Part {
    TabularModel columns;  // what was learned of them from the training rows; no network
    nn::Dataset train, validation;
  };
  Part part_of(const std::vector<int64_t>& train, const std::vector<int64_t>& validation) const;
  void split(const Sheet& sheet);
  Trained train_part(const Part& part, const Params& params, const Streams& streams,
                     const OnScore& on_score, const std::function<bool()>& go_on,
                     Trial* trial = nullptr, const std::vector<Stage>& before = {}) const;
  Trained train_folds(const Params& params, const Streams& streams, const OnScore& on_score,
                      const std::function<bool()>& go_on, Trial* trial) const;
  double measure(const Tensor& outputs, const Tensor& labels, const TabularModel& model) const;
  nn::Sequential constant_network(const TabularModel& columns, const Tensor& labels) const;
  // Encodes the rows with what `model` has learned of the columns.
  nn::Dataset prepare(const TabularModel& model, const std::vector<int64_t>& rows) const;
  // A model that has learned of the columns from the rows, without a network yet.
  TabularModel columns_of(const std::vector<int64_t>& rows) const;
  PerceptronShape shape_of(const Params& params, int64_t inputs, int64_t pieces) const;
  Trained train_on(const nn::Dataset& train, const nn::Dataset& validation, const Params& params,
                   const Streams& streams, const OnScore& on_score, TrainingHooks hooks,
                   const std::vector<Stage>& before, PerceptronShape* shape = nullptr) const;

  RecipeOptions options_;
  Target target_;
  TypedTable table_;
  Score score_;
  std::vector<int64_t> train_rows_, validation_rows_;
  nn::Sealed<nn::Dataset> test_;  // x: row numbers
  std::vector<Part> parts_;
  bool has_pieces_ = false;
  std::vector<std::string> split_remarks_;
  uint64_t fingerprint_ = 0;
};

}  // namespace attune::tune
