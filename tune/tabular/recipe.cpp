#include "attune/tune/tabular/recipe.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "attune/nn/linear.h"
#include "attune/optim/trainer.h"
#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/tabular/row_split.h"
#include "tune/tabular/internal/split_columns.h"

namespace attune::tune {
namespace {

constexpr int64_t kMostPieces = 512;     // of all inputs; wide tables are cut into fewer, or none
constexpr int64_t kRowsForPieces = 500;  // to train on; fewer are learned by heart with them
constexpr int64_t kMostKept = 1 << 24;   // numbers of a data set that is kept in pieces
constexpr int64_t kLeastSteps = 8;       // in an epoch; fewer rows are gone through several times
constexpr int64_t kMostBatches = 32, kLargestLeastBatch = 256;

uint64_t hash_text_into(uint64_t hash, std::string_view text) {
  const uint64_t size = text.size();
  return hash_bytes(text.data(), text.size(), hash_bytes(&size, sizeof size, hash));
}

// What the score cannot be computed on.
void check_part(Score score, const Target& target, const std::vector<int64_t>& rows,
                std::string_view part) {
  const auto same_class = [&](int64_t row) { return target.value(row) == target.value(rows[0]); };
  if (score == Score::auc && !rows.empty() && std::ranges::all_of(rows, same_class)) {
    throw ValueError(
        fmt::format("fit: the {} part holds one class only, {}; auc needs {}", part,
                    in_quotes(target.classes()[static_cast<size_t>(target.value(rows[0]))]),
                    target.classes().size() == 2 ? "both" : "two or more"));
  }
}

}  // namespace

Streams streams_of(const Study& study, int64_t trial) {
  return {study.rng(trial, "weights"), study.rng(trial, "order"), study.rng(trial, "dropout")};
}

std::vector<Stage> stages_before(const Study& study, int64_t trial) {
  std::vector<Stage> stages;
  std::vector<LineagePart> lineage = study.lineage(trial);
  lineage.pop_back();
  for (const LineagePart& part : lineage) {
    stages.push_back({part.params, streams_of(study, part.trial), part.first, part.last});
  }
  return stages;
}

// Bounds by the size of the table: a batch is no less than a 32nd of many rows, which are learned
// from as well in fewer steps.
Space Recipe::space() const {
  int64_t least = 16, most = 256;
  while (least < kLargestLeastBatch && 2 * least * kMostBatches <= train_rows()) least *= 2;
  most = std::max(most, 4 * least);
  Space space = {
      {"lr", defaults::learning_rate()},
      {"batch_size", powers_of_two(least, most).starting_at(std::max<int64_t>(64, least))},
      {"layers", int_range(0, 3).starting_at(2)},
      {"width", powers_of_two(16, 256).starting_at(64)},
      {"weight_decay", log_range(1e-5, 1e-1).starting_at(1e-3)},
      {"dropout", defaults::dropout()},
      {"epochs", log_int_range(10, 60).starting_at(20)}};
  if (has_pieces_) space.add("pieces", choice({0, 8, 16}));
  return space;
}

Recipe::Recipe(const Sheet& sheet, RecipeOptions options)
    : options_(std::move(options)),
      target_(Target::find(sheet, options_.target, options_.task, MissingTexts(options_.missing))),
      table_(read_columns(sheet, {.missing = options_.missing,
                                  .skip = {options_.target, options_.group, options_.time},
                                  .keep_index = options_.keep_index})),
      score_(options_.score.value_or(default_score(target_.task()))),
      test_({}) {
  if (task_of(score_) != target_.task()) {
    throw ValueError(fmt::format("fit: {} does not judge {}; {} do", name_of(score_),
                                 target_.task() == Task::regression ? "numbers" : "classes",
                                 fmt::join(score_names(target_.task()), ", ")));
  }
  split(sheet);
  const Tensor& inputs = parts_[0].train.x;
  has_pieces_ = train_rows() >= kRowsForPieces && kMostPieces / inputs.size(1) > 1 &&
                nn::PiecewiseLinear::fit(inputs, 2).pieces() > 0;
  const uint64_t table = sheet.hash();
  fingerprint_ = hash_text_into(hash_bytes(&table, sizeof table), target_.to_json());
  fingerprint_ = hash_text_into(
      fingerprint_,
      fmt::format("{} {} {} {} {} {} {} {}", kRecipeVersion, options_.validation, options_.test,
                  options_.seed, options_.keep_index, fmt::join(options_.missing, "\n"),
                  name_of(score_), options_.folds));
  fingerprint_ = hash_text_into(hash_text_into(fingerprint_, options_.group), options_.time);
}

void Recipe::split(const Sheet& sheet) {
  SplitRules rules{.validation = options_.validation, .test = options_.test};
  if (!options_.group.empty() && !options_.time.empty()) {
    throw ValueError("fit: rows are divided by a group or by time, not by both");
  }
  if (!options_.group.empty()) {
    rules.groups = groups_of(sheet, options_.group, target_, split_remarks_);
  } else if (!options_.time.empty()) {
    rules.times = times_of(sheet, options_.time, target_, MissingTexts(options_.missing));
  } else {
    rules.groups = keep_repeats_together(table_, target_, split_remarks_);
  }
  const Rng rng(options_.seed);
  RowParts rows = split_rows(target_, rules, rng.fork("split"));
  train_rows_ = std::move(rows.train);
  validation_rows_ = std::move(rows.validation);
  test_ = nn::Sealed(
      nn::Dataset{Tensor::from(rows.test, {std::ssize(rows.test)}), target_.encode(rows.test)});
  for (std::string& remark : remarks_on_classes(target_, validation_rows_, rows.test)) {
    split_remarks_.push_back(std::move(remark));
  }
  check_part(score_, target_, rows.test, "test");
  if (options_.folds == kAutomaticFolds) {
    options_.folds = train_rows() + validation_rows() < kSmallTable ? 5 : 0;
  }
  if (options_.folds == 0) {
    parts_.push_back(part_of(train_rows_, validation_rows_));
    return;
  }
  if (options_.folds < 2) throw ValueError("fit: folds must be 2 or more");
  std::vector<int64_t> all = train_rows_;
  all.insert(all.end(), validation_rows_.begin(), validation_rows_.end());
  const bool by_time = !rules.times.empty();
  const auto folds =
      fold_rows(target_, all, rules, options_.folds + (by_time ? 1 : 0), rng.fork("folds"));
  for (size_t fold = by_time ? 1 : 0; fold < folds.size(); ++fold) {
    std::vector<int64_t> train;  // the other folds; by time those before it
    for (size_t other = 0; other < (by_time ? fold : folds.size()); ++other) {
      if (other != fold) train.insert(train.end(), folds[other].begin(), folds[other].end());
    }
    parts_.push_back(part_of(train, folds[fold]));
  }
}

Recipe::Part Recipe::part_of(const std::vector<int64_t>& train,
                             const std::vector<int64_t>& validation) const {
  check_part(score_, target_, validation, "validation");
  if (score_ == Score::r2 && validation.size() < 2) {
    throw ValueError(
        "fit: the validation part has one row only; r2 needs two or more: give more rows, a larger "
        "--validation, or --score rmse or mae");
  }
  Part part{columns_of(train), {}, {}};
  part.train = prepare(part.columns, train);
  part.validation = prepare(part.columns, validation);
  return part;
}

std::vector<std::string> Recipe::remarks() const {
  std::vector<std::string> remarks = remarks_on_reading(table_, target_.reading_of_numbers());
  const auto add = [&](std::vector<std::string> more) {
    for (std::string& remark : more) remarks.push_back(std::move(remark));
  };
  add(remarks_on_strays(table_));
  add(split_remarks_);
  if (options_.group.empty() && options_.time.empty()) add(remarks_on_groups(table_, target_));
  if (score_ == Score::accuracy) add(remarks_on_balance(target_));
  return remarks;
}

TabularModel Recipe::columns_of(const std::vector<int64_t>& rows) const {
  TabularModel model{.encoder = TableEncoder::fit(table_, rows, options_.missing),
                     .target = target_};
  if (target_.task() == Task::regression) {
    const auto values = target_.encode(rows).to_vector<double>();
    double mean = 0, variance = 0;
    for (const double value : values) mean += value / static_cast<double>(values.size());
    for (const double value : values) {
      variance += (value - mean) * (value - mean) / static_cast<double>(values.size());
    }
    if (!std::isfinite(variance)) {
      throw ValueError(
          fmt::format("target '{}': its values are too large to be scaled", target_.column()));
    }
    model.mean = mean;
    model.deviation = variance > 0 ? std::sqrt(variance) : 1;
  }
  return model;
}

nn::Dataset Recipe::prepare(const TabularModel& model, const std::vector<int64_t>& rows) const {
  return {model.encoder.encode(table_, rows), model.labels(rows)};
}

PerceptronShape Recipe::shape_of(const Params& params, int64_t inputs, int64_t pieces) const {
  return {.inputs = inputs,
          .outputs = target_.outputs(),
          .pieces = pieces,
          .layers = params.at("layers"),
          .width = params.at("width"),
          .dropout = params.at("dropout")};
}

Params Recipe::linear() const {
  constexpr int64_t kBatch = 64, kSteps = 1500;
  const int64_t batches = (train_rows() + kBatch - 1) / kBatch;
  return {{"lr", 0.02},
          {"batch_size", kBatch},
          {"layers", 0},
          {"width", 1},
          {"weight_decay", 0.01},
          {"dropout", 0.0},
          {"epochs", std::clamp<int64_t>(kSteps / batches, 5, 200)}};
}

Recipe::Trained Recipe::train(const Params& params, const Streams& streams, const OnScore& on_score,
                              const std::function<bool()>& go_on, Trial* trial,
                              const std::vector<Stage>& before) const {
  if (options_.folds > 0) return train_folds(params, streams, on_score, go_on, trial);
  return train_part(parts_[0], params, streams, on_score, go_on, trial, before);
}

// One fold after the other. A trial that pauses between them keeps what they have come to.
Recipe::Trained Recipe::train_folds(const Params& params, const Streams& streams,
                                    const OnScore& on_score, const std::function<bool()>& go_on,
                                    Trial* trial) const {
  const auto kept = std::make_shared<std::vector<double>>();  // three for each fold
  if (trial != nullptr) trial->checkpointable(kept);
  Trained all;
  double sum = 0;
  const auto add = [&](double score, double loss, double steps) {
    sum += score;
    all.loss += loss / static_cast<double>(parts_.size());
    all.training.steps += static_cast<int64_t>(steps);
  };
  size_t fold = 0;
  for (; 3 * fold + 2 < kept->size(); ++fold) {
    add((*kept)[3 * fold], (*kept)[3 * fold + 1], (*kept)[3 * fold + 2]);
  }
  if (fold > 0) all.training.score = sum / static_cast<double>(fold);
  for (; fold < parts_.size(); ++fold) {
    const auto number = static_cast<int64_t>(fold);
    const Streams own{streams.weights.fork(number), streams.order.fork(number),
                      streams.dropout.fork(number)};
    Trained one = train_part(parts_[fold], params, own, {}, go_on);
    add(one.training.score, one.loss, static_cast<double>(one.training.steps));
    all.network = std::move(one.network);
    all.training.epochs += one.training.epochs;
    all.training.cut = one.training.cut;
    all.training.divergence = one.training.divergence;
    all.training.score = sum / static_cast<double>(fold + 1);
    if (!std::isfinite(all.training.score)) break;
    all.training.scores.push_back(all.training.score);
    kept->insert(kept->end(),
                 {one.training.score, one.loss, static_cast<double>(one.training.steps)});
    const bool each = trial != nullptr && trial->pairs_steps();
    all.training.stopped =
        on_score && !on_score(number, each ? one.training.score : all.training.score);
    if (all.training.stopped && trial != nullptr) all.training.outcome = trial->stopped();
    if (all.training.stopped || all.training.cut) break;
  }
  return all;
}

Recipe::Trained Recipe::train_part(const Part& part, const Params& params, const Streams& streams,
                                   const OnScore& on_score, const std::function<bool()>& go_on,
                                   Trial* trial, const std::vector<Stage>& before) const {
  TrainingHooks hooks{.go_on = go_on, .trial = trial};
  if (options_.score && *options_.score != default_score(target_.task())) {
    hooks.score = [&](const Tensor& outputs, const Tensor& labels) {
      return measure(outputs, labels, part.columns);
    };
  }
  return train_on(part.train, part.validation, params, streams, on_score, hooks, before);
}

// The pieces of the inputs' ranges are computed once, not in each step, unless that takes too much
// memory. Both ways give the same numbers.
Recipe::Trained Recipe::train_on(const nn::Dataset& train, const nn::Dataset& validation,
                                 const Params& params, const Streams& streams,
                                 const OnScore& on_score, TrainingHooks hooks,
                                 const std::vector<Stage>& before, PerceptronShape* shape) const {
  const int64_t columns = train.x.size(1);
  const int64_t most = std::min(params.get("pieces", int64_t{0}), kMostPieces / columns);
  const nn::PiecewiseLinear pieces =
      most > 1 ? nn::PiecewiseLinear::fit(train.x, most) : nn::PiecewiseLinear(columns, 0);
  const bool once = train.size() * pieces.outputs() <= kMostKept;
  const auto cut = [&](const nn::Dataset& rows) -> nn::Dataset {
    if (!once || !rows.x.defined()) return rows;
    return {pieces(rows.x), rows.y};
  };
  const auto settings_for = [&](const Params& named) {
    TrainingSettings settings = settings_from(named);
    const int64_t batches = (train.size() + settings.batch_size - 1) / settings.batch_size;
    settings.passes = (kLeastSteps + batches - 1) / batches;
    return settings;
  };
  for (const Stage& stage : before) {
    hooks.before.push_back(
        {settings_for(stage.params), stage.streams.order, stage.first, stage.last});
  }

  const PerceptronShape own = shape_of(params, columns, pieces.pieces());
  const Streams& first = before.empty() ? streams : before.front().streams;
  nn::Sequential network = make_perceptron(own, first.weights, first.dropout);
  if (!once) network = behind_pieces(pieces, std::move(network));
  const nn::Dataset scored = cut(validation);
  Trained trained;
  trained.training = train_scored(network, cut(train), scored, settings_for(params), streams.order,
                                  on_score, hooks);
  if (scored.x.defined()) trained.loss = nn::evaluate(network, scored).loss;
  trained.network = once ? behind_pieces(pieces, std::move(network)) : std::move(network);
  if (shape != nullptr) *shape = own;
  return trained;
}

TabularModel Recipe::final_model(const Params& params, const Streams& streams, Training* training,
                                 const std::function<bool()>& go_on,
                                 const std::vector<Stage>& before) const {
  std::vector<int64_t> rows = train_rows_;
  rows.insert(rows.end(), validation_rows_.begin(), validation_rows_.end());
  TabularModel model = columns_of(rows);
  model.shapes.resize(1);
  Trained trained = train_on(prepare(model, rows), {}, params, streams, {}, {.go_on = go_on},
                             before, &model.shapes[0]);
  model.network = std::move(trained.network);
  if (training != nullptr) *training = trained.training;
  return model;
}

double Recipe::measure(const Tensor& outputs, const Tensor& labels,
                       const TabularModel& model) const {
  std::optional<int64_t> rarer;  // of all rows, not of those of one part
  if (score_ == Score::f1 && target_.classes().size() == 2) {
    const std::vector<int64_t> counts = target_.class_counts();
    rarer = counts[0] < counts[1] ? 0 : 1;
  }
  return tune::measure(score_, outputs, labels, model.deviation, rarer);
}

// Without weights: its outputs are the logarithms of the classes' shares, or 0, which is the mean.
nn::Sequential Recipe::constant_network(const TabularModel& columns, const Tensor& labels) const {
  Rng rng(0);
  nn::Linear layer(columns.encoder.inputs(), target_.outputs(), rng);
  layer.weight = Tensor::zeros(layer.weight.shape());
  layer.bias = Tensor::zeros(layer.bias.shape());
  if (target_.task() == Task::classification) {
    constexpr double kNone = 0.5;  // rows; a class without any has a small share all the same
    std::vector<double> counts(target_.classes().size(), kNone);
    for (const int64_t label : labels.to_vector<int64_t>()) ++counts[static_cast<size_t>(label)];
    for (double& count : counts) count = std::log(count / static_cast<double>(labels.size(0)));
    layer.bias = Tensor::from(counts, {std::ssize(counts)}).cast(DType::f32);
  }
  nn::Sequential network;
  network.add(layer);
  return network;
}

TabularModel Recipe::constant_model() const {
  std::vector<int64_t> rows = train_rows_;
  rows.insert(rows.end(), validation_rows_.begin(), validation_rows_.end());
  TabularModel model = columns_of(rows);
  model.shapes = {shape_of(linear(), model.encoder.inputs(), 0)};
  model.network = constant_network(model, target_.encode(rows));
  return model;
}

double Recipe::constant_score() const {
  double sum = 0;
  for (const Part& part : parts_) {
    const nn::Sequential network = constant_network(part.columns, part.train.y);
    sum += measure(nn::predict(network, part.validation.x), part.validation.y, part.columns);
  }
  return sum / static_cast<double>(parts_.size());
}

TabularModel Recipe::untrained_model() const {
  TabularModel model = parts_[0].columns;
  model.shapes = {shape_of(space().to_params(space().default_values()), inputs(), 0)};
  model.network = make_network(model.shapes, target_.task());
  return model;
}

nn::Dataset Recipe::open_test() { return test_.open(); }

double Recipe::score(const TabularModel& model, const nn::Dataset& rows) const {
  const nn::Dataset data = prepare(model, rows.x.to_vector<int64_t>());
  return measure(nn::predict(model.network, data.x), data.y, model);
}

}  // namespace attune::tune
