#include "tune/train/internal/search_data.h"

#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/optim/step_cost.h"
#include "attune/optim/trainer.h"
#include "attune/tensor/memory.h"
#include "attune/tune/study.h"
#include "tune/train/internal/diverged.h"
#include "tune/train/internal/folds.h"
#include "tune/train/internal/training_run.h"

namespace attune::tune {
namespace {

constexpr char kWeights[] = "attune:weights";  // a trial's: the hash of its final weights

Score score_for(const std::string& name, bool classes) {
  const Task task = classes ? Task::classification : Task::regression;
  const std::optional<Score> score = score_named(name);
  if (!score || task_of(*score) != task) {
    throw ValueError(fmt::format("search: {} is no score of {}; there are {}", in_quotes(name),
                                 classes ? "classes" : "numbers",
                                 fmt::join(score_names(task), ", ")));
  }
  return *score;
}

template <typename T>
std::vector<T> chosen(const std::vector<T>& all, const std::vector<int64_t>& rows) {
  std::vector<T> some;
  if (all.empty()) return some;
  some.reserve(rows.size());
  for (const int64_t row : rows) some.push_back(all[static_cast<size_t>(row)]);
  return some;
}

std::string fingerprint_of(const Tensor& data, const Tensor& labels, const SearchOptions& o) {
  uint64_t hash = hash_bytes(nullptr, 0);
  for (const Tensor* tensor : {&data, &labels}) {
    hash = hash_tensor(*tensor, hash);
    for (const int64_t size : tensor->shape()) hash = hash_bytes(&size, sizeof(size), hash);
  }
  for (const double share : {o.validation, o.test}) {
    hash = hash_bytes(&share, sizeof(share), hash);
  }
  const std::string rest = fmt::format("{} {} {} {} {}", o.folds, o.repeats, o.paired, o.score.name,
                                       o.score.function ? "function" : "");
  hash = hash_bytes(rest.data(), rest.size(), hash);
  hash = hash_bytes(o.group.data(), o.group.size() * sizeof(int64_t), hash);
  hash = hash_bytes(o.time.data(), o.time.size() * sizeof(double), hash);
  return hash_text(hash);
}

}  // namespace

SearchResult::Data::Data(ModelFactory model_factory, const Tensor& x, const Tensor& y,
                         const SearchOptions& o)
    : factory(std::move(model_factory)), options(o), settings(settings_of(o)), test({}) {
  if (!factory) throw ValueError("search: the model factory is empty");
  settings_from({}, settings);  // a wrong option is no failed trial
  if (o.folds == 0 && !(o.validation > 0)) {
    throw ValueError(fmt::format("search: a validation part is needed to score by, its share is {}",
                                 o.validation));
  }
  if (o.folds < 0 || o.folds == 1 || o.repeats < 1) {
    throw ValueError(
        fmt::format("search: folds must be 0 or 2 and more, repeats 1 or more, got {} and {}",
                    o.folds, o.repeats));
  }
  if (o.memory_limit < 0) {
    throw ValueError(
        fmt::format("search: memory_limit must be 0 or more bytes, got {}", o.memory_limit));
  }
  const bool classes = !is_floating(y.dtype());
  if (!o.score.name.empty()) {
    named_score = score_for(o.score.name, classes);
    lower_is_better = tune::lower_is_better(*named_score);
  }
  const nn::Dataset all{x, y};
  const bool stratify = classes && o.time.empty();
  Rng rng = Rng(o.seed).fork("split");
  nn::SplitRows rows = nn::split_rows(all,
                                      {.validation = o.folds > 0 ? 0 : o.validation,
                                       .test = o.test,
                                       .stratify = stratify,
                                       .groups = o.group,
                                       .times = o.time},
                                      rng);
  test = nn::Sealed(all.rows(rows.test));
  if (o.folds == 0) parts.push_back({all.rows(rows.train), all.rows(rows.validation)});
  std::vector<int64_t>& learned = rows.train;
  learned.insert(learned.end(), rows.validation.begin(), rows.validation.end());
  learning = all.rows(learned);
  if (o.folds > 0) {
    parts = nn::kfold(learning,
                      {.folds = o.folds,
                       .stratify = stratify,
                       .groups = chosen(o.group, learned),
                       .times = chosen(o.time, learned)},
                      rng);
  }
  fingerprint = fingerprint_of(x, y, o);
}

Rng SearchResult::Data::rng(const Study& study, int64_t trial, std::string_view name) const {
  return options.paired ? study.rng(name) : study.rng(trial, name);
}

Rng SearchResult::Data::rng(const Trial& trial, std::string_view name) const {
  return options.paired ? trial.study_rng(name) : trial.rng(name);
}

TrainingHooks SearchResult::Data::hooks() const {
  TrainingHooks hooks;
  if (options.score.function) {
    hooks.score = options.score.function;
  } else if (named_score) {
    hooks.score = [which = *named_score](const Tensor& outputs, const Tensor& labels) {
      return measure(which, outputs,
                     is_floating(labels.dtype()) ? labels : labels.cast(DType::i64));
    };
  }
  return hooks;
}

double SearchResult::Data::score_of(const nn::Module& model, const nn::Dataset& rows) const {
  const TrainingHooks own = hooks();
  if (!own.score) return nn::evaluate(model, rows).score;
  return own.score(nn::predict(model, rows.x), rows.y);
}

std::unique_ptr<nn::Module> SearchResult::Data::made(const Params& params, Rng weights) const {
  std::unique_ptr<nn::Module> model = factory(params, weights);
  if (!model) throw ValueError("search: the model factory returned no model");
  return model;
}

std::unique_ptr<nn::Module> SearchResult::Data::train(const Study& study, int64_t trial,
                                                      const nn::Dataset& rows) const {
  const std::vector<LineagePart> lineage = study.lineage(trial);
  const LineagePart &eldest = lineage.front(), &own = lineage.back();
  std::unique_ptr<nn::Module> model = made(eldest.params, rng(study, eldest.trial, "weights"));
  TrainingHooks how = hooks();
  for (size_t i = 0; i + 1 < lineage.size(); ++i) {
    const LineagePart& part = lineage[i];
    how.before.push_back({settings_from(part.params, settings), rng(study, part.trial, "order"),
                          part.first, part.last});
  }
  const Training training = train_scored(*model, rows, {}, settings_from(own.params, settings),
                                         rng(study, own.trial, "order"), {}, how);
  if (training.divergence) throw Error("search: " + training.divergence->to_string());
  return model;
}

std::string SearchResult::Data::too_large(const Params& params, const Rng& weights) const {
  const int64_t limit = options.memory_limit;
  const TrainingSettings own = settings_from(params, settings);
  const nn::Dataset& rows = parts[0].train;
  const int64_t batch = std::min(own.batch_size, rows.size());
  try {
    const MemoryLimitScope limited(limit);
    const std::unique_ptr<nn::Module> model = made(params, weights);
    const nn::StepCost cost = nn::step_cost(*model, AnyOptimizer(own).get(), rows);
    // Folds that train side by side have their weights at the same time.
    const bool pauses = options.scheduler && !options.scheduler->only_stops();
    const int64_t others = pauses ? trainings() - 1 : 0;
    const int64_t needed = cost.bytes(batch) + others * (cost.weight_bytes + cost.state_bytes);
    if (needed <= limit) return {};
    return fmt::format(
        "refused before it started: {} parameters in batches of {} need {} bytes, and the limit is "
        "{}",
        cost.parameters, batch, needed, limit);
  } catch (const OutOfMemory& e) {
    return fmt::format("refused before it started: the limit is {} bytes: {}", limit, e.what());
  }
}

Outcome SearchResult::Data::run(Trial& trial, const Params& params) const {
  if (options.memory_limit > 0 && !trial.resumed()) {
    const std::string why = too_large(params, rng(trial, "weights"));
    if (!why.empty()) return Failed{why};
  }
  if (trainings() == 1) return run_one(trial, params);
  const bool pauses = options.scheduler && !options.scheduler->only_stops();
  return pauses ? run_side_by_side(trial, params) : run_in_turn(trial, params);
}

Outcome SearchResult::Data::run_one(Trial& trial, const Params& params) const {
  const std::unique_ptr<nn::Module> model = made(params, rng(trial, "weights"));
  TrainingHooks own = hooks();
  own.trial = &trial;
  const Training training = train_scored(
      *model, parts[0].train, parts[0].validation, settings_from(params, settings),
      rng(trial, "order"),
      [&](int64_t epoch, double value) { return !trial.report(epoch, value).should_stop(); }, own);
  trial.set_attribute(kWeights, hash_text(hash_weights(*model)));
  if (training.divergence) return diverged(trial, *training.divergence);
  if (training.outcome) return *training.outcome;
  return training.score;
}

// One fold after the other, each to its end.
Outcome SearchResult::Data::run_in_turn(Trial& trial, const Params& params) const {
  const Rng weights = rng(trial, "weights"), order = rng(trial, "order");
  std::optional<nn::Divergence> divergence;
  const CrossValidation all = run_folds(trial, trainings(), [&](int64_t k) {
    const std::unique_ptr<nn::Module> model = made(params, weights.fork(k));
    const Training training =
        train_scored(*model, part(k).train, part(k).validation, settings_from(params, settings),
                     order.fork(k), {}, hooks());
    divergence = training.divergence;
    return training.score;
  });
  return divergence ? diverged(trial, *divergence) : all.outcome;
}

// An epoch of each fold, then the next: what a scheduler that compares by epochs needs.
Outcome SearchResult::Data::run_side_by_side(Trial& trial, const Params& params) const {
  const Rng weights = rng(trial, "weights"), order = rng(trial, "order");
  const TrainingSettings own = settings_from(params, settings);
  std::vector<std::unique_ptr<nn::Module>> models;
  std::vector<std::unique_ptr<TrainingRun>> runs;
  for (int64_t k = 0; k < trainings(); ++k) {
    models.push_back(made(params, weights.fork(k)));
    runs.push_back(std::make_unique<TrainingRun>(*models.back(), part(k).train, part(k).validation,
                                                 own, order.fork(k), hooks()));
    runs.back()->keep_in(trial);
  }
  std::vector<double> scores(runs.size());
  for (int64_t epoch = trial.first_step(); epoch < own.epochs; ++epoch) {
    for (size_t k = 0; k < runs.size(); ++k) {
      const std::optional<double> score =
          runs[k]->train_epoch(epoch) ? runs[k]->score() : std::nullopt;
      if (!score) return diverged(trial, *runs[k]->divergence());
      scores[k] = *score;
    }
    keep_scores(trial, scores);
    if (trial.report(epoch, mean_of(scores)).should_stop()) return trial.stopped();
  }
  return mean_of(scores);
}

}  // namespace attune::tune
