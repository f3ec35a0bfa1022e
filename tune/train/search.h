#pragma once
// Searches in the style of a library call: a grid or a space, a function that makes a model, data
// and labels; the library's own loop trains.
//   tune::SearchResult best = tune::grid_search(
//       {{"lr", tune::log_grid(1e-4, 1e-1, 4)}, {"reg", tune::linear_grid(0.0, 0.1, 5)}},
//       [](const tune::Params& p, Rng& rng) -> std::unique_ptr<nn::Module> { … }, data, labels,
//       {.epochs = 20});

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "attune/nn/forward.h"
#include "attune/tune/study.h"

namespace attune::tune {

// The loop understands the parameters lr, batch_size, epochs, weight_decay or reg, optimizer and
// schedule by name; the factory reads what it wants. `rng` is the trial's own.
using ModelFactory = std::function<std::unique_ptr<nn::Module>(const Params& params, Rng& rng)>;

// What a search tunes for: accuracy (the default for classes), balanced_accuracy, log_loss, auc,
// f1; r2 (the default for numbers), rmse, mae; or a function of the model's outputs and the labels,
// of which more is better.
class SearchScore {
 public:
  using Function = std::function<double(const Tensor& outputs, const Tensor& labels)>;

  SearchScore() = default;
  SearchScore(const char* score_name) : name(score_name) {}
  SearchScore(std::string score_name) : name(std::move(score_name)) {}
  template <typename F>
  requires std::is_invocable_r_v<double, F, const Tensor&, const Tensor&> SearchScore(F f)
      : function(std::move(f)) {}

  std::string name = {};
  Function function = {};
};

// Settings are those of TrainingSettings, for what the parameters do not name.
struct TrainAndEvaluateOptions {
  int64_t epochs = 20;
  int64_t batch_size = 64;
  double learning_rate = 1e-3;
  double weight_decay = 0;
  std::string optimizer = "adamw";
  std::string schedule = "cosine";
  double validation = 0.2;  // shares of the rows; the test share is left out of all this
  double test = 0.2;
  uint64_t seed = 0;  // of the split and the order of the rows
};

// Trains the model in place on the train part of data [rows, ...] and labels [rows] (integers:
// classes) or [rows, outputs] (numbers), and gives its score on the validation part: accuracy, or
// R^2. With the seed of a search, the parts are the same as the search's.
// NaN if the training diverged.
double train_and_evaluate(nn::Module& model, const Tensor& data, const Tensor& labels,
                          const TrainAndEvaluateOptions& options = {});
// The same as the objective of a trial: each epoch is reported, the model and its optimizer are
// kept while the trial pauses, and a training that diverges fails with its cause: the step, op and
// layer where the first NaN or Inf appeared, the learning rate, the norm of the gradient and the
// largest weight. The order of the rows depends on options.seed alone.
Outcome train_and_evaluate(nn::Module& model, const Tensor& data, const Tensor& labels,
                           Trial& trial, const TrainAndEvaluateOptions& options = {});

struct SearchOptions {
  int64_t epochs = 20;
  int64_t batch_size = 64;
  double learning_rate = 1e-3;
  double weight_decay = 0;
  std::string optimizer = "adamw";
  std::string schedule = "cosine";
  double validation = 0.2;
  double test = 0.2;
  // Above 0: all rows but the test part are divided into so many folds in place of one validation
  // part, stratified for classes, and a configuration's score is its mean over them, each held out
  // once. Folds are reported one by one, so that a pruner may end a trial between them; under a
  // scheduler that pauses, all folds train side by side and an epoch is reported as their mean.
  int64_t folds = 0;
  bool refit = true;  // test() takes refit(), not the model that was trained on a part of the rows
  SearchScore score = {};
  int64_t repeats = 1;  // trainings of each fold, with other initial weights and orders of rows
  // One number a row, both of the test part and of the folds: rows of one group stay together; by
  // time the last rows are the test, and each fold is later than what it is trained on.
  std::vector<int64_t> group = {};
  std::vector<double> time = {};
  // All trials begin with the same initial weights, where their shapes allow it, and see the rows
  // in the same order: their scores then differ by their parameters, and less by luck. False: each
  // trial draws its own.
  bool paired = true;
  uint64_t seed = 0;    // of the split and of every trial
  int64_t trials = 50;  // grid_search tries all combinations instead
  int jobs = 1;         // trials at a time
  int threads = 1;      // of the kernels of each trial
  // Bytes that a trial may have in tensors: weights, gradients, the optimizer's state and what a
  // batch takes. A configuration that needs more is refused before it starts, as a failed trial,
  // from which samplers learn; one whose model does not even fit is never allocated. 0: no limit.
  int64_t memory_limit = 0;
  std::shared_ptr<Pruner> pruner = {};
  // In place of a pruner (schedulers.h). Models and optimizers are kept while their trials pause.
  std::shared_ptr<const Scheduler> scheduler = {};
  ProgressSink progress = {};
  // Of the study, which is resumed if the storage has it; ValueError if it was made with other
  // data.
  std::string name = "search";
  StorageRef storage = {};
  // halving_grid_search alone: of so many configurations one goes on, with so many times the
  // epochs, and the first comparison comes after min_epochs; 0: so that the last of them train all
  // epochs.
  int64_t reduction = 3, min_epochs = 0;
};

// How one configuration went.
struct SearchRow {
  int64_t number = 0;  // of its trial
  State state = State::complete;
  Params params = {};
  double mean = 0;       // of its folds, or its one score; NaN: it failed
  double deviation = 0;  // of the folds' scores, the sample's
  // 1 is the best; equal means share the better rank. Complete ones come first, then those that
  // were ended or paused, the furthest of them first, and failed ones last.
  int64_t rank = 0;
  double seconds = 0;
  int64_t steps = 0;                // epochs, or folds, reported
  std::vector<double> scores = {};  // of each fold and repeat; otherwise the one
};

// By trial number. to_string() has a line for each, by rank.
struct SearchTable : std::vector<SearchRow> {
  using vector::vector;
  std::string to_string() const;
};
std::ostream& operator<<(std::ostream& out, const SearchTable& table);

// The best trial of a search. Copies share the test part and its seal.
class SearchResult {
 public:
  double score = 0;  // on the validation part, or the mean of the folds
  Params params;
  Study study;

  // A row for each trial that has begun, as scikit-learn's cv_results_.
  SearchTable table() const;
  // The score on the test part, which no trial has seen, of refit(), or of model() if
  // SearchOptions::refit is false. Once: the study records that it was opened, and a second time is
  // an Error.
  double test();
  // The winner's model, trained again as it was in its trial: the same weights bit for bit; also
  // that of a fork, by its lineage. ValueError with folds or repeats, where there are several.
  std::unique_ptr<nn::Module> model() const;
  // A model with the winner's parameters, trained on all rows but the sealed test part.
  std::unique_ptr<nn::Module> refit() const;

  struct Data;  // the parts and how to train on them
  SearchResult(Study searched, std::shared_ptr<Data> data);

 private:
  int64_t number_ = 0;
  std::shared_ptr<Data> data_;
};

// Every combination of the grid, whose ranges need values that can be counted. Data is split once
// for all trials; the split stratifies classes. ValueError when no trial is complete.
SearchResult grid_search(const Space& grid, ModelFactory factory, const Tensor& data,
                         const Tensor& labels, const SearchOptions& options = {});
// The grid by successive halving (Jamieson and Talwalkar, "Non-stochastic best arm identification",
// 2016; scikit-learn's HalvingGridSearchCV with epochs as the resource): all configurations train a
// little, the best 1 / reduction of them go on from where they stand with `reduction` times the
// epochs, and so on. The last trains `epochs`. No epoch is trained twice. ValueError for a pruner
// or a scheduler, as this is one, and for options out of range.
SearchResult halving_grid_search(const Space& grid, ModelFactory factory, const Tensor& data,
                                 const Tensor& labels, const SearchOptions& options = {});
SearchResult random_search(const Space& space, ModelFactory factory, const Tensor& data,
                           const Tensor& labels, const SearchOptions& options = {});
SearchResult bayesian_search(const Space& space, ModelFactory factory, const Tensor& data,
                             const Tensor& labels, const SearchOptions& options = {});

}  // namespace attune::tune
