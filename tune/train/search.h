#pragma once
// Searches in the style of a library call: a grid or a space, a function that makes a model, data
// and labels; the library's own loop trains.
//   tune::SearchResult best = tune::grid_search(
//       {{"lr", tune::log_grid(1e-4, 1e-1, 4)}, {"reg", tune::linear_grid(0.0, 0.1, 5)}},
//       [](const tune::Params& p, Rng& rng) -> std::unique_ptr<nn::Module> { … }, data, labels,
//       {.epochs = 20});

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "attune/nn/forward.h"
#include "attune/tune/study.h"

namespace attune::tune {

// The loop understands the parameters lr, batch_size, epochs, weight_decay or reg, optimizer and
// schedule by name; the factory reads what it wants. `rng` is the trial's own.
using ModelFactory = std::function<std::unique_ptr<nn::Module>(const Params& params, Rng& rng)>;

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
double train_and_evaluate(nn::Module& model, const Tensor& data, const Tensor& labels,
                          const TrainAndEvaluateOptions& options = {});

struct SearchOptions {
  int64_t epochs = 20;
  int64_t batch_size = 64;
  double learning_rate = 1e-3;
  double weight_decay = 0;
  std::string optimizer = "adamw";
  std::string schedule = "cosine";
  double validation = 0.2;
  double test = 0.2;
  uint64_t seed = 0;    // of the split and of every trial
  int64_t trials = 50;  // grid_search tries all combinations instead
  int jobs = 1;         // trials at a time
  int threads = 1;      // of the kernels of each trial
  std::shared_ptr<Pruner> pruner = {};
  // In place of a pruner (schedulers.h). Models and optimizers are kept while their trials pause.
  std::shared_ptr<const Scheduler> scheduler = {};
  ProgressSink progress = {};
  // Of the study, which is resumed if the storage has it; ValueError if it was made with other
  // data.
  std::string name = "search";
  StorageRef storage = {};
};

// The best trial of a search. Copies share the test part and its seal.
class SearchResult {
 public:
  double score = 0;  // on the validation part
  Params params;
  Study study;

  // The score on the test part, which no trial has seen. Once: the study records that it was
  // opened, and a second time is an Error.
  double test();
  // The winner's model, trained again as it was in its trial: the same weights bit for bit.
  std::unique_ptr<nn::Module> model() const;

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
SearchResult random_search(const Space& space, ModelFactory factory, const Tensor& data,
                           const Tensor& labels, const SearchOptions& options = {});
SearchResult bayesian_search(const Space& space, ModelFactory factory, const Tensor& data,
                             const Tensor& labels, const SearchOptions& options = {});

}  // namespace attune::tune
