#pragma once
// From a table to a tuned and trained model: what `attune fit` does.

#include <chrono>
#include <cstdint>
#include <functional>
#include <limits>
#include <optional>
#include <string>

#include "attune/tune/study.h"
#include "attune/tune/tabular/recipe.h"

namespace attune::tune {

inline constexpr int64_t kMostNetworks = 5;

struct FitOptions {
  std::string data;  // a CSV file
  SheetOptions csv = {};
  std::string target;  // the column to predict
  std::optional<Task> task = {};
  std::vector<std::string> missing = {};  // texts that mean "not known", beside the usual ones
  bool keep_index = false;                // keep columns that look like an index or an identifier
  std::optional<Score> score = {};        // tuned for; absent: accuracy of classes, R^2 of numbers
  std::string group = {}, time = {};      // columns by which rows are divided; see RecipeOptions
  int64_t folds = 0;                      // see RecipeOptions
  // Shares of the rows. Without a test (0) nothing is known of the model but what the trials said.
  double validation = 0.2, test = 0.2;

  // The model is the mean of the networks of so many trials, the best ones; 0: of a tenth of all
  // trials, kMostNetworks at most. Among few trials there is hardly a second one as good as the
  // best.
  int64_t networks = 0;
  int64_t trials = 50;  // of the study in all, those it has already among them
  // Of the whole call. Trials end early, within an epoch, so that there is time for the final
  // training and for what the model is compared with; what was cut short is among the result's
  // remarks, and has no figure if it is only compared with.
  std::optional<std::chrono::duration<double>> timeout = {};
  std::shared_ptr<Sampler> sampler = {};  // absent: bayesian()
  std::shared_ptr<Pruner> pruner = {};    // absent: median(), after 5 trials and 5 epochs
  // In place of a pruner (schedulers.h): trials that pause go on from their bits, also in a later
  // process where the storage is a file. Epochs are its steps, with folds these. A fork keeps the
  // network and the epochs of its parent.
  std::shared_ptr<const Scheduler> scheduler = {};
  std::string study = {};  // empty: named after the file and all that is asked of it
  StorageRef storage = {};
  uint64_t seed = 0;  // of the split, the sampler and every trial
  int jobs = 1;       // trials at a time
  int threads = 1;    // of the kernels of each

  std::function<void(const Recipe&, const Study&)> on_start = {};
  ProgressSink progress = {};
  std::function<bool()> stop = {};  // asked after each trial; true ends the study
};

struct FitResult {
  static constexpr double kNone = std::numeric_limits<double>::quiet_NaN();  // without test rows
  std::string study;
  bool interrupted = false;  // by stop: there is a best trial, but no model, and the test is unseen
  bool reopened = false;  // the test part had been opened for another winner of this study before

  Task task = Task::classification;
  int64_t rows = 0, classes = 0, inputs = 0;
  int64_t train_rows = 0, validation_rows = 0, test_rows = 0;
  int64_t trials = 0, steps = 0;  // of the study in all; steps those of the final trainings too
  double seconds = 0;             // of this call
  TrialResult best = {};
  int64_t networks = 0;  // whose mean the model is
  // By the score that was tuned for. The default configuration is trained in the same way as the
  // best one, and so is a linear model; the baseline is the most frequent class or the mean.
  Score score = Score::accuracy;
  double validation = 0, default_validation = 0, linear_validation = 0, baseline_validation = 0;
  double test = kNone, default_test = kNone, linear_test = kNone, baseline_test = kNone;
  std::vector<std::string> remarks = {};  // on what the user should know of these figures
  std::string weights = {};               // the hash of the model's
  TabularModel model = {};
};

// Splits the table, tunes on training and validation part, trains the configurations of the best
// trials again on both together, each as in its trial, and opens the test part once for their mean.
// `validation` is the best trial's, whose network is one of these. The study keeps enough to be
// gone on with, and for replay(): the same call goes on where an earlier one ended. ValueError or
// IoError for a table that cannot be learned from (see Recipe), for a study of other data; Error
// when no trial is complete.
FitResult fit(const FitOptions& options);

// Under which trial attributes the study keeps the hash of a trial's weights, and its steps.
inline constexpr char kWeightsAttribute[] = "attune:weights";
inline constexpr char kStepsAttribute[] = "attune:steps";
inline constexpr char kLossAttribute[] = "attune:loss";
inline constexpr char kCutAttribute[] = "attune:cut";  // true: the time was up within the trial

// The recipe that a study of fit() was made by, from what the study keeps. `data`: another path of
// the same table. ValueError when it is no such study, or when the table has changed.
Recipe recipe_of(const Study& study, const std::string& data = {});

}  // namespace attune::tune
