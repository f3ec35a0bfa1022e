#include "attune/tune/tabular/fit.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/base/threads.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/samplers.h"
#include "attune/tune/tabular/best_trials.h"
#include "tune/tabular/internal/fit_clock.h"

namespace attune::tune {
namespace {

// Attributes of the study.
constexpr char kRecipe[] = "attune:recipe";  // how to make the Recipe again
constexpr char kTest[] = "attune:test";      // what the test part said, and for which trial

Document to_json(const SheetOptions& csv) {
  return {{"delimiter", std::string(csv.delimiter ? 1 : 0, csv.delimiter)},
          {"header", static_cast<int>(csv.header)},
          {"encoding", csv.encoding == Encoding::latin1 ? "latin1" : "utf8"}};
}

SheetOptions csv_from(const Document& json) {
  SheetOptions csv;
  const std::string delimiter = json.at("delimiter").as<std::string>();
  csv.delimiter = delimiter.empty() ? '\0' : delimiter[0];
  csv.header = static_cast<CsvHeader>(json.at("header").as<int64_t>());
  if (json.has("encoding") && json.at("encoding").as<std::string>() == "latin1") {
    csv.encoding = Encoding::latin1;
  }
  return csv;
}

Document describe(const FitOptions& o, const Recipe& recipe) {
  return {{"data", std::filesystem::absolute(o.data).string()},
          {"target", o.target},
          {"task", name_of(recipe.target().task())},
          {"validation", o.validation},
          {"test", o.test},
          {"seed", o.seed},
          {"score", name_of(recipe.score())},
          {"group", o.group},
          {"time", o.time},
          {"folds", recipe.folds()},
          {"missing", o.missing},
          {"keep_index", o.keep_index},
          {"csv", to_json(o.csv)},
          {"version", kRecipeVersion},
          {"fingerprint", hash_text(recipe.fingerprint())}};
}

std::string default_name(const FitOptions& o, const Recipe& recipe) {
  const uint64_t hash = recipe.fingerprint();
  return fmt::format("{}-{:08x}", std::filesystem::path(o.data).stem().string(),
                     static_cast<uint32_t>(hash ^ hash >> 32));
}

std::string fingerprint_of(const Document& recipe) {
  return recipe.has("fingerprint") ? recipe.at("fingerprint").as<std::string>() : "";
}

// A study of the same name must be of the same data, split and target; a new one notes them.
void claim(Study& study, const Document& recipe) {
  const std::optional<std::string> kept = study.attribute(kRecipe);
  if (!kept && study.size() > 0) {
    throw ValueError(fmt::format(
        "fit: study '{}' was not made by fit; choose another name for this one", study.name()));
  }
  const Document before = kept ? Document::parse(*kept) : recipe;
  if (!before.has("version") || before.at("version").dump() != recipe.at("version").dump()) {
    throw ValueError(
        fmt::format("fit: study '{}' was made by another version of attune, which prepared tables "
                    "in another way; choose another name for this one",
                    study.name()));
  }
  if (fingerprint_of(before) != fingerprint_of(recipe)) {
    throw ValueError(
        fmt::format("fit: study '{}' is of other data, another target, split or seed; "
                    "choose another name for this one",
                    study.name()));
  }
  study.set_attribute_json(kRecipe, recipe.dump());
}

int64_t count_finished(const std::vector<TrialResult>& trials) {
  return std::count_if(trials.begin(), trials.end(),
                       [](const TrialResult& t) { return finished(t.state); });
}

// A first row that holds the target's name is names.
Sheet read_table(const std::string& path, SheetOptions options, const std::string& target) {
  options.expected = {target};
  return Sheet::read(path, options);
}

RecipeOptions recipe_options(const FitOptions& o) {
  return {.target = o.target,
          .task = o.task,
          .missing = o.missing,
          .keep_index = o.keep_index,
          .score = o.score,
          .group = o.group,
          .time = o.time,
          .folds = o.folds,
          .validation = o.validation,
          .test = o.test,
          .seed = o.seed};
}

class Fit {
 public:
  explicit Fit(const FitOptions& options)
      : o_(options),
        recipe_(read_table(o_.data, o_.csv, o_.target), recipe_options(o_)),
        clock_(o_.timeout, began_),
        study_(study_options()) {
    claim(study_, describe(o_, recipe_));
  }

  FitResult run() {
    if (o_.on_start) o_.on_start(recipe_, study_);
    tune();
    FitResult result = figures();
    if (!result.interrupted) finish(result);
    result.seconds = clock_.seconds();
    return result;
  }

 private:
  StudyOptions study_options() const {
    return {.name = o_.study.empty() ? default_name(o_, recipe_) : o_.study,
            .storage = o_.storage,
            .direction = lower_is_better(recipe_.score()) ? minimize : maximize,
            .sampler = o_.sampler ? o_.sampler : bayesian(),
            .pruner = o_.pruner ? o_.pruner
                                : median({.startup_trials = 5,
                                          .warmup_steps = recipe_.folds() > 0 ? 0 : 5}),
            .seed = o_.seed,
            .space = space_,
            .deterministic = true};
  }

  bool stopped() const { return o_.stop && o_.stop(); }

  void tune() {
    study_.optimize([&](Trial& trial) { return run_trial(trial); },
                    {.trials = o_.trials,
                     .total = o_.trials,  // another process may be at work on the same study
                     .jobs = o_.jobs,
                     .timeout = clock_.left(),
                     .stop = [&] { return stopped() || clock_.trials_must_end(); },
                     .progress = o_.progress});
  }

  Outcome run_trial(Trial& trial) {
    const ThreadScope threads(o_.threads);
    const double began = clock_.seconds();
    const Params params = trial.suggest(space_);
    const Streams streams{trial.rng("weights"), trial.rng("order"), trial.rng("dropout")};
    const Recipe::Trained trained = recipe_.train(
        params, streams,
        [&](int64_t epoch, double score) { return !trial.report(epoch, score).should_stop(); },
        [&] { return !clock_.trials_must_end(); });
    trial.set_attribute(kWeightsAttribute, hash_text(hash_weights(trained.network)));
    trial.set_attribute(kStepsAttribute, trained.training.steps);
    if (std::isfinite(trained.loss)) trial.set_attribute(kLossAttribute, trained.loss);
    const double seconds = clock_.seconds() - began;
    if (trained.training.cut) {
      // The first trial counts as far as it came: without one there would be no model.
      trial.set_attribute(kCutAttribute, true);
      if (clock_.any_complete()) return pruned;
    }
    if (trained.training.stopped) return trial.stopped();
    clock_.complete(seconds, lower_is_better(recipe_.score()) ? -trained.training.score
                                                              : trained.training.score);
    return trained.training.score;
  }

  std::vector<TrialResult> winners(int64_t count) const {
    return best_trials(study_.trials(), lower_is_better(recipe_.score()), count, kLossAttribute);
  }

  FitResult figures() const {
    const std::vector<TrialResult> trials = study_.trials();
    FitResult r{.study = study_.name()};
    r.score = recipe_.score();
    r.task = recipe_.target().task();
    r.rows = recipe_.rows();
    r.classes = static_cast<int64_t>(recipe_.target().classes().size());
    r.inputs = recipe_.inputs();
    r.train_rows = recipe_.train_rows();
    r.validation_rows = recipe_.validation_rows();
    r.test_rows = recipe_.test_rows();
    r.trials = count_finished(trials);
    for (const TrialResult& trial : trials) {
      const auto steps = trial.user.find(kStepsAttribute);
      if (steps != trial.user.end()) r.steps += from_json(steps->second).as_int();
    }
    r.interrupted = stopped() && r.trials < o_.trials;
    if (!winners(1).empty()) {
      r.best = winners(1)[0];
      r.validation = r.best.value;
    } else if (!r.interrupted) {
      throw Error(fmt::format("fit: none of {} trials of study {} was completed{}", r.trials,
                              in_quotes(study_.name()), failures(trials)));
    }
    return r;
  }

  // The default configuration's trial: the first of every study, unless that was cut off.
  Params default_params() const { return space_.to_params(space_.default_values()); }

  double default_validation(FitResult& r) const {
    for (const TrialResult& trial : study_.trials()) {
      if (trial.state == State::complete && trial.params == default_params()) return trial.value;
    }
    const Recipe::Trained trained =
        recipe_.train(default_params(), streams_of(study_, 0), {}, go_on());
    note_cut(r, "the default configuration", trained.training);
    return trained.training.score;
  }

  std::function<bool()> go_on() const {
    return [this] { return !clock_.is_over(); };
  }

  void note_cut(FitResult& r, std::string_view what, const Training& training) const {
    r.steps += training.steps;
    if (!training.cut) return;
    r.remarks.push_back(fmt::format("the time was up: {} was trained for {} epoch{} only", what,
                                    training.epochs, training.epochs == 1 ? "" : "s"));
  }

  TabularModel final_model(FitResult& r, std::string_view what, const Params& params,
                           const Streams& streams) const {
    Training training;
    TabularModel model = recipe_.final_model(params, streams, &training, go_on());
    note_cut(r, what, training);
    return model;
  }

  TabularModel final_models(FitResult& r) const {
    std::vector<TabularModel> models;
    double longest = 0;  // seconds of a training
    const int64_t tenth = std::clamp<int64_t>(r.trials / 10, 1, kMostNetworks);
    for (const TrialResult& trial : winners(o_.networks > 0 ? o_.networks : tenth)) {
      if (!models.empty() && !clock_.leaves(longest)) break;
      const double began = clock_.seconds();
      Training training;
      TabularModel model =
          recipe_.final_model(trial.params, streams_of(study_, trial.number), &training, go_on());
      longest = std::max(longest, clock_.seconds() - began);
      if (models.empty()) {
        note_cut(r, "the model", training);
      } else {
        r.steps += training.steps;
        if (training.cut) break;  // half trained, it would spoil the mean
      }
      models.push_back(std::move(model));
    }
    r.networks = std::ssize(models);
    return TabularModel::mean_of(models);
  }

  Streams linear_streams() const {
    const Rng rng = Rng(o_.seed).fork("linear");
    return {rng.fork("weights"), rng.fork("order"), rng.fork("dropout")};
  }

  void finish(FitResult& r) {
    const ThreadScope threads(o_.threads);
    if (study_.trial(r.best.number).user.contains(kCutAttribute)) {
      r.remarks.emplace_back("the time was up within the first trial: it ended early");
    }
    r.model = final_models(r);
    r.weights = hash_text(hash_weights(r.model.network));
    r.default_validation = default_validation(r);
    r.baseline_validation = recipe_.constant_score();
    const Recipe::Trained linear = recipe_.train(recipe_.linear(), linear_streams(), {}, go_on());
    note_cut(r, "the linear model", linear.training);
    r.linear_validation = linear.training.score;
    if (r.test_rows == 0) return;
    test(r);
    compare(r);
  }

  // The sealed part is opened once for each model of the study; what it said is kept.
  void test(FitResult& r) {
    const std::optional<std::string> kept = study_.attribute(kTest);
    Document seen = kept ? Document::parse(*kept) : Document::object();
    const auto number = [&](const char* key, int64_t otherwise) {
      return seen.has(key) ? seen.at(key).as<int64_t>() : otherwise;
    };
    const bool same = seen.has("weights") && seen.at("weights").as<std::string>() == r.weights;
    const std::pair<const char*, double*> figures[] = {{"test", &r.test},
                                                       {"default_test", &r.default_test},
                                                       {"linear_test", &r.linear_test},
                                                       {"baseline_test", &r.baseline_test}};
    if (same && seen.has("baseline_test")) {  // what is known needs no second look
      for (const auto& [key, value] : figures) *value = seen.at(key).as<double>();
      return;
    }
    r.reopened = kept.has_value() && !same;
    // That it is opened is kept before it is: a process that dies in between has seen it all the
    // same.
    seen = {{"trial", r.best.number}, {"weights", r.weights}, {"opened", number("opened", 0) + 1}};
    study_.set_attribute_json(kTest, seen.dump());
    const bool is_default =
        r.networks == 1 && r.best.number == 0 && r.best.params == default_params();
    const TabularModel plain = is_default
                                   ? r.model
                                   : final_model(r, "the default configuration, for the test,",
                                                 default_params(), streams_of(study_, 0));
    const TabularModel linear =
        final_model(r, "the linear model, for the test,", recipe_.linear(), linear_streams());
    const nn::Dataset rows = recipe_.open_test();
    r.test = recipe_.score(r.model, rows);
    r.default_test = recipe_.score(plain, rows);
    r.linear_test = recipe_.score(linear, rows);
    r.baseline_test = recipe_.score(recipe_.constant_model(), rows);
    for (const auto& [key, value] : figures) seen.set(key, *value);
    study_.set_attribute_json(kTest, seen.dump());
  }

  void compare(FitResult& r) const {
    const double sign = lower_is_better(r.score) ? -1 : 1;
    if (sign * r.test <= sign * r.baseline_test) {
      r.remarks.emplace_back(
          r.task == Task::classification
              ? "the tuned network is no better in the test than always the most "
                "frequent class"
              : "the tuned network is no better in the test than always the mean");
    } else if (sign * r.test < sign * r.linear_test) {
      r.remarks.emplace_back("a linear model is better in the test than the tuned network");
    }
  }

  const FitClock::Time began_ = FitClock::Clock::now();  // before the table is read
  const FitOptions& o_;
  Recipe recipe_;
  Space space_ = recipe_.space();
  FitClock clock_;
  Study study_;
};

}  // namespace

FitResult fit(const FitOptions& options) {
  if (options.trials < 1) {
    throw ValueError(fmt::format("fit: trials must be 1 or more, got {}", options.trials));
  }
  if (options.networks < 0) {
    throw ValueError(fmt::format("fit: networks must be 0 or more, got {}", options.networks));
  }
  if (options.jobs < 1) {
    throw ValueError(fmt::format("fit: jobs must be 1 or more, got {}", options.jobs));
  }
  return Fit(options).run();
}

Recipe recipe_of(const Study& study, const std::string& data) {
  const std::optional<std::string> kept = study.attribute(kRecipe);
  if (!kept) throw ValueError(fmt::format("study '{}' was not made by fit", study.name()));
  const Document json = Document::parse(*kept);
  const std::string path = data.empty() ? json.at("data").as<std::string>() : data;
  if (!json.has("version") || json.at("version").as<int64_t>() != kRecipeVersion) {
    throw ValueError(
        fmt::format("study '{}' was made by another version of attune, which prepared tables in "
                    "another way",
                    study.name()));
  }
  const std::string target = json.at("target").as<std::string>();
  Recipe recipe(read_table(path, csv_from(json.at("csv")), target),
                {.target = target,
                 .task = json.at("task").as<std::string>() == "regression" ? Task::regression
                                                                           : Task::classification,
                 .missing = json.at("missing").as<std::vector<std::string>>(),
                 .keep_index = json.at("keep_index").dump() == "true",
                 .score = score_named(json.at("score").as<std::string>()),
                 .group = json.at("group").as<std::string>(),
                 .time = json.at("time").as<std::string>(),
                 .folds = json.at("folds").as<int64_t>(),
                 .validation = json.at("validation").as<double>(),
                 .test = json.at("test").as<double>(),
                 .seed = json.at("seed").as<uint64_t>()});
  if (hash_text(recipe.fingerprint()) != fingerprint_of(json)) {
    throw ValueError(
        fmt::format("{} is not the table that study '{}' was made of", path, study.name()));
  }
  return recipe;
}

}  // namespace attune::tune
