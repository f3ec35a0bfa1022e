#include "attune/tune/train/search.h"

#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "attune/nn/split.h"
#include "attune/optim/trainer.h"
#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/base/threads.h"
#include "attune/tune/samplers.h"
#include "attune/tune/train/training.h"

namespace attune::tune {
namespace {

constexpr char kTestOpened[] = "attune:test_opened";  // the study's attribute: by which trial
constexpr char kTestScore[] = "attune:test_score";
constexpr char kData[] = "attune:data";  // what the study is of: the hash of the data and its split
constexpr char kWeights[] = "attune:weights";  // a trial's: the hash of its final weights

template <typename Options>
TrainingSettings settings_of(const Options& o) {
  return {.epochs = o.epochs,
          .batch_size = o.batch_size,
          .learning_rate = o.learning_rate,
          .weight_decay = o.weight_decay,
          .optimizer = o.optimizer,
          .schedule = o.schedule};
}

nn::Split split_once(const Tensor& data, const Tensor& labels, double validation, double test,
                     uint64_t seed) {
  if (!(validation > 0)) {
    throw ValueError(fmt::format("search: a validation part is needed to score by, its share is {}",
                                 validation));
  }
  Rng rng = Rng(seed).fork("split");
  const bool classes = !is_floating(labels.dtype());
  return nn::split({data, labels}, {.validation = validation, .test = test, .stratify = classes},
                   rng);
}

std::string fingerprint(const Tensor& data, const Tensor& labels, const SearchOptions& options) {
  uint64_t hash = hash_bytes(nullptr, 0);
  for (const Tensor* tensor : {&data, &labels}) {
    hash = hash_tensor(*tensor, hash);
    for (const int64_t size : tensor->shape()) hash = hash_bytes(&size, sizeof(size), hash);
  }
  for (const double share : {options.validation, options.test}) {
    hash = hash_bytes(&share, sizeof(share), hash);
  }
  return hash_text(hash);
}

// A study that is resumed goes on with what it was made of, or its best score would be another's.
void check_data(Study& study, const std::string& now) {
  const std::optional<std::string> then = study.attribute(kData);
  if (!then) return study.set_attribute(kData, now);
  if (*then == to_json(now)) return;
  throw ValueError(
      fmt::format("search: study {} was made with other data or other shares; give this search "
                  "another SearchOptions::name",
                  in_quotes(study.name())));
}

}  // namespace

double train_and_evaluate(nn::Module& model, const Tensor& data, const Tensor& labels,
                          const TrainAndEvaluateOptions& options) {
  const nn::Split parts = split_once(data, labels, options.validation, options.test, options.seed);
  return train_scored(model, parts.train, parts.validation, settings_of(options),
                      Rng(options.seed).fork("order"))
      .score;
}

struct SearchResult::Data {
  nn::Split parts;
  ModelFactory factory;
  TrainingSettings settings;
  bool has_test;

  struct Trained {
    std::unique_ptr<nn::Module> model;
    Training training;
  };

  // One trial, from its parameters and its streams alone.
  Trained train(const Params& chosen, Rng weights, const Rng& order,
                const std::function<bool(int64_t, double)>& on_score = {},
                Trial* trial = nullptr) const {
    Trained trained{factory(chosen, weights), {}};
    if (!trained.model) throw ValueError("search: the model factory gave no model");
    trained.training =
        train_scored(*trained.model, parts.train, parts.validation, settings_from(chosen, settings),
                     order, on_score, {.trial = trial});
    return trained;
  }
};

SearchResult::SearchResult(Study searched, std::shared_ptr<Data> data)
    : study(std::move(searched)), data_(std::move(data)) {
  const TrialResult best = study.best_trial();
  score = best.value;
  params = best.params;
  number_ = best.number;
}

std::unique_ptr<nn::Module> SearchResult::model() const {
  if (study.trial(number_).parent) {
    throw Error(fmt::format(
        "search: trial {} is a fork; Study::lineage() has the schedule that trains it again",
        number_));
  }
  return data_->train(params, study.rng(number_, "weights"), study.rng(number_, "order")).model;
}

double SearchResult::test() {
  if (!data_->has_test) throw ValueError("search: the test share is 0, so there is no test part");
  if (study.attribute(kTestOpened)) {
    throw Error(
        fmt::format("search: the test part of study {} was opened before; what was seen "
                    "once is no test any more",
                    in_quotes(study.name())));
  }
  const std::unique_ptr<nn::Module> winner = model();
  const nn::Dataset& part = data_->parts.test.open();
  study.set_attribute(kTestOpened, number_);  // before it is looked at
  const double value = nn::evaluate(*winner, part).score;
  study.set_attribute(kTestScore, value);
  return value;
}

namespace {

SearchResult search(const Space& space, std::shared_ptr<Sampler> sampler, int64_t trials,
                    ModelFactory factory, const Tensor& data, const Tensor& labels,
                    const SearchOptions& options, First first) {
  if (!factory) throw ValueError("search: the model factory is empty");
  settings_from({}, settings_of(options));  // a wrong option is no failed trial
  auto shared = std::make_shared<SearchResult::Data>(
      SearchResult::Data{split_once(data, labels, options.validation, options.test, options.seed),
                         std::move(factory), settings_of(options), options.test > 0});
  Study study({.name = options.name,
               .storage = options.storage,
               .direction = maximize,
               .sampler = std::move(sampler),
               .pruner = options.pruner,
               .scheduler = options.scheduler,
               .seed = options.seed,
               .space = space,
               .first = first});
  check_data(study, fingerprint(data, labels, options));
  study.optimize(
      [&](Trial& trial) -> Outcome {
        const ThreadScope threads(options.threads);
        const Params params = trial.suggest(space);
        const auto trained = shared->train(
            params, trial.rng("weights"), trial.rng("order"),
            [&](int64_t epoch, double score) { return !trial.report(epoch, score).should_stop(); },
            &trial);
        trial.set_attribute(kWeights, hash_text(hash_weights(*trained.model)));
        if (trained.training.stopped) return trial.stopped();
        return trained.training.score;
      },
      {.trials = trials, .jobs = options.jobs, .progress = options.progress});
  if (study.best_trials().empty()) {
    throw ValueError(
        fmt::format("search: none of {} trials was completed; the trials of the study "
                    "say why",
                    study.size()));
  }
  return {study, std::move(shared)};
}

}  // namespace

SearchResult grid_search(const Space& grid_space, ModelFactory factory, const Tensor& data,
                         const Tensor& labels, const SearchOptions& options) {
  return search(grid_space, grid(), std::numeric_limits<int64_t>::max(), std::move(factory), data,
                labels, options, First::sampler);
}

SearchResult random_search(const Space& space, ModelFactory factory, const Tensor& data,
                           const Tensor& labels, const SearchOptions& options) {
  return search(space, random(), options.trials, std::move(factory), data, labels, options,
                First::defaults);
}

SearchResult bayesian_search(const Space& space, ModelFactory factory, const Tensor& data,
                             const Tensor& labels, const SearchOptions& options) {
  return search(space, bayesian(), options.trials, std::move(factory), data, labels, options,
                First::defaults);
}

}  // namespace attune::tune
