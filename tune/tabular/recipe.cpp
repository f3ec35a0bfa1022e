#include "attune/tune/tabular/recipe.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/optim/trainer.h"
#include "attune/tensor/error.h"
#include "tune/tabular/internal/cells.h"

namespace attune::tune {
namespace {

constexpr int kVersion = 1;  // a change of the recipe that changes numbers counts up

uint64_t hash_text_into(uint64_t hash, std::string_view text) {
  const uint64_t size = text.size();
  return hash_bytes(text.data(), text.size(), hash_bytes(&size, sizeof size, hash));
}

uint64_t hash_table(const Table& table) {
  uint64_t hash = hash_bytes(&table.rows, sizeof table.rows);
  for (size_t c = 0; c < table.names.size(); ++c) {
    hash = hash_text_into(hash, table.names[c]);
    if (const std::vector<double>* numbers = cells::numbers(table, c)) {
      for (const double value : *numbers) {
        const double one = std::isnan(value) ? NAN : value;  // whatever the bits of a missing value
        hash = hash_bytes(&one, sizeof one, hash);
      }
    } else {
      for (int64_t row = 0; row < table.rows; ++row) {
        hash = hash_text_into(hash, cells::text(table, c, row));
      }
    }
  }
  return hash;
}

// What nn::split divides: row numbers, and the classes to stratify by.
nn::Dataset numbered(const Table& table, const Target& target, const std::vector<int64_t>& rows) {
  return {Tensor::from(rows, {static_cast<int64_t>(rows.size())}), target.encode(table, rows)};
}

nn::Split split_rows(const Table& table, const Target& target, const std::vector<int64_t>& rows,
                     const RecipeOptions& options) {
  if (!(options.validation > 0) || !(options.test > 0)) {
    throw ValueError(fmt::format("fit: validation and test shares must be above 0, got {} and {}",
                                 options.validation, options.test));
  }
  Rng rng = Rng(options.seed).fork("split");
  return nn::split(numbered(table, target, rows),
                   {.validation = options.validation,
                    .test = options.test,
                    .stratify = target.task() == Task::classification},
                   rng);
}

}  // namespace

Streams streams_of(const Study& study, int64_t trial) {
  return {study.rng(trial, "weights"), study.rng(trial, "order"), study.rng(trial, "dropout")};
}

Space Recipe::space() {
  return {{"lr", defaults::learning_rate()},
          {"batch_size", defaults::batch_size()},
          {"layers", int_range(1, 3).starting_at(2)},
          {"width", powers_of_two(16, 128).starting_at(64)},
          {"weight_decay", log_range(1e-5, 1e-1).starting_at(1e-3)},
          {"dropout", defaults::dropout()},
          {"epochs", log_int_range(10, 60).starting_at(20)}};
}

Recipe::Recipe(Table table, RecipeOptions options)
    : table_(std::move(table)),
      options_(std::move(options)),
      target_(Target::find(table_, options_.target, options_.task)),
      test_({}) {
  const std::vector<int64_t> known = Target::known_rows(table_, options_.target);
  rows_ = static_cast<int64_t>(known.size());
  const nn::Split parts = split_rows(table_, target_, known, options_);
  train_rows_ = parts.train.x.to_vector<int64_t>();
  validation_rows_ = parts.validation.x.to_vector<int64_t>();
  test_ = parts.test;
  columns_ = columns_of(train_rows_);
  train_ = prepare(columns_, train_rows_);
  validation_ = prepare(columns_, validation_rows_);

  fingerprint_ = hash_text_into(hash_table(table_), target_.to_json());
  fingerprint_ = hash_text_into(
      fingerprint_,
      fmt::format("{} {} {} {}", kVersion, options_.validation, options_.test, options_.seed));
}

TabularModel Recipe::columns_of(const std::vector<int64_t>& rows) const {
  TabularModel model{.encoder = TableEncoder::fit(table_, rows, target_.column()),
                     .target = target_};
  model.scale = nn::Standardizer::fit(model.encoder.encode(table_, rows));
  if (target_.task() == Task::regression) {
    const auto values = target_.encode(table_, rows).to_vector<double>();
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
  return {model.inputs(table_, rows), model.labels(table_, rows)};
}

PerceptronShape Recipe::shape_of(const Params& params, const TabularModel& columns) const {
  return {.inputs = columns.encoder.inputs(),
          .outputs = target_.outputs(),
          .layers = params.at("layers"),
          .width = params.at("width"),
          .dropout = params.at("dropout")};
}

Recipe::Trained Recipe::train(const Params& params, const Streams& streams,
                              const std::function<bool(int64_t, double)>& on_score) const {
  Trained trained{make_perceptron(shape_of(params, columns_), streams.weights, streams.dropout),
                  {}};
  trained.training = train_scored(trained.network, train_, validation_, settings_from(params),
                                  streams.order, on_score);
  return trained;
}

TabularModel Recipe::final_model(const Params& params, const Streams& streams,
                                 int64_t* steps) const {
  std::vector<int64_t> rows = train_rows_;
  rows.insert(rows.end(), validation_rows_.begin(), validation_rows_.end());
  TabularModel model = columns_of(rows);
  model.shape = shape_of(params, model);
  model.network = make_perceptron(model.shape, streams.weights, streams.dropout);
  const Training training =
      train_scored(model.network, prepare(model, rows), {}, settings_from(params), streams.order);
  if (steps) *steps += training.steps;
  return model;
}

nn::Dataset Recipe::open_test() { return test_.open(); }

double Recipe::score(TabularModel& model, const nn::Dataset& rows) const {
  return nn::evaluate(model.network, prepare(model, rows.x.to_vector<int64_t>())).score;
}

}  // namespace attune::tune
