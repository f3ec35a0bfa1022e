#pragma once
// What the trials of a search are made of: the parts of the data, how they are trained on, and how
// they are scored.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "attune/nn/module.h"
#include "attune/nn/split.h"
#include "attune/tune/tabular/score.h"
#include "attune/tune/train/search.h"
#include "attune/tune/train/training.h"

namespace attune::tune {

// The study's attributes: of what it is, by which trial the test part was opened, and its score.
inline constexpr char kSearchData[] = "attune:data";
inline constexpr char kTestOpened[] = "attune:test_opened";
inline constexpr char kTestScore[] = "attune:test_score";

template <typename Options>
TrainingSettings settings_of(const Options& o) {
  return {.epochs = o.epochs,
          .batch_size = o.batch_size,
          .learning_rate = o.learning_rate,
          .weight_decay = o.weight_decay,
          .optimizer = o.optimizer,
          .schedule = o.schedule};
}

struct SearchResult::Data {
  // ValueError for options that make no sense.
  Data(ModelFactory model_factory, const Tensor& x, const Tensor& y, const SearchOptions& o);

  // The streams of a training: paired ones are of the study alone.
  Rng rng(const Study& study, int64_t trial, std::string_view name) const;
  Rng rng(const Trial& trial, std::string_view name) const;

  // Trains a model as the lineage says, part by part.
  std::unique_ptr<nn::Module> train(const Study& study, int64_t trial,
                                    const nn::Dataset& rows) const;
  // The trial's objective.
  Outcome run(Trial& trial, const Params& params) const;
  double score_of(const nn::Module& model, const nn::Dataset& rows) const;
  TrainingHooks hooks() const;

  ModelFactory factory;
  SearchOptions options;
  TrainingSettings settings;
  std::optional<Score> named_score;  // one of attune's own
  bool lower_is_better = false;
  nn::Dataset learning;  // all rows but the test's
  nn::Sealed<nn::Dataset> test;
  std::vector<nn::Fold> parts;  // one, or the folds
  std::string fingerprint;

 private:
  std::unique_ptr<nn::Module> made(const Params& params, Rng weights) const;
  // Why the configuration cannot fit options.memory_limit; empty: it can.
  std::string too_large(const Params& params, const Rng& weights) const;
  Outcome run_one(Trial& trial, const Params& params) const;
  Outcome run_in_turn(Trial& trial, const Params& params) const;
  Outcome run_side_by_side(Trial& trial, const Params& params) const;
  int64_t trainings() const { return std::ssize(parts) * options.repeats; }
  const nn::Fold& part(int64_t training) const {
    return parts[static_cast<size_t>(training) % parts.size()];
  }
};

}  // namespace attune::tune
