#include "attune/tune/tabular/fit.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include <fmt/format.h>

#include "attune/tensor/error.h"
#include "attune/tensor/internal/text.h"
#include "attune/tensor/threads.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/samplers.h"

namespace attune::tune {
namespace {

// Attributes of the study.
constexpr char kRecipe[] = "attune:recipe";  // how to make the Recipe again
constexpr char kTest[] = "attune:test";      // what the test part said, and for which trial

Document to_json(const CsvOptions& csv) {
  return {{"delimiter", std::string(csv.delimiter ? 1 : 0, csv.delimiter)},
          {"header", static_cast<int>(csv.header)},
          {"missing", csv.missing}};
}

CsvOptions csv_from(const Document& json) {
  CsvOptions csv;
  const std::string delimiter = json.at("delimiter").as<std::string>();
  csv.delimiter = delimiter.empty() ? '\0' : delimiter[0];
  csv.header = static_cast<CsvHeader>(json.at("header").as<int64_t>());
  csv.missing = json.at("missing").as<std::vector<std::string>>();
  return csv;
}

Document describe(const FitOptions& o, const Recipe& recipe) {
  return {{"data", std::filesystem::absolute(o.data).string()},
          {"target", o.target},
          {"task", name_of(recipe.target().task())},
          {"validation", o.validation},
          {"test", o.test},
          {"seed", o.seed},
          {"csv", to_json(o.csv)},
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
  if (kept && fingerprint_of(Document::parse(*kept)) != fingerprint_of(recipe)) {
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

class Fit {
 public:
  explicit Fit(const FitOptions& options)
      : o_(options),
        recipe_(read_csv(o_.data, o_.csv), {.target = o_.target,
                                            .task = o_.task,
                                            .validation = o_.validation,
                                            .test = o_.test,
                                            .seed = o_.seed}),
        study_(study_options()) {
    claim(study_, describe(o_, recipe_));
  }

  FitResult run() {
    const auto began = std::chrono::steady_clock::now();
    if (o_.on_start) o_.on_start(recipe_, study_);
    tune();
    FitResult result = figures();
    if (!result.interrupted) finish(result);
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
    return result;
  }

 private:
  StudyOptions study_options() const {
    return {.name = o_.study.empty() ? default_name(o_, recipe_) : o_.study,
            .storage = o_.storage,
            .direction = maximize,
            .sampler = o_.sampler ? o_.sampler : bayesian(),
            .pruner = o_.pruner ? o_.pruner : median({.startup_trials = 5, .warmup_steps = 5}),
            .seed = o_.seed,
            .space = space_,
            .deterministic = true};
  }

  bool stopped() const { return o_.stop && o_.stop(); }

  void tune() {
    const int64_t wanted = o_.trials - count_finished(study_.trials());
    if (wanted <= 0 || stopped()) return;
    study_.optimize([&](Trial& trial) { return run_trial(trial); },
                    {.trials = wanted,
                     .jobs = o_.jobs,
                     .timeout = o_.timeout,
                     .progress = o_.progress,
                     .on_trial = [&](const TrialResult&) {
                       // Another process may be at work on the same study.
                       if (stopped() || study_.size() >= o_.trials) study_.stop();
                     }});
  }

  Outcome run_trial(Trial& trial) const {
    const ThreadScope threads(o_.threads);
    const Params params = trial.suggest(space_);
    const Streams streams{trial.rng("weights"), trial.rng("order"), trial.rng("dropout")};
    const Recipe::Trained trained = recipe_.train(
        params, streams,
        [&](int64_t epoch, double score) { return !trial.report(epoch, score).should_stop(); });
    trial.set_attribute(kWeightsAttribute, hash_text(hash_weights(trained.network)));
    trial.set_attribute(kStepsAttribute, trained.training.steps);
    if (trained.training.stopped) return pruned;
    return trained.training.score;
  }

  FitResult figures() const {
    const std::vector<TrialResult> trials = study_.trials();
    FitResult r{.study = study_.name()};
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
    const bool any = std::any_of(trials.begin(), trials.end(),
                                 [](const TrialResult& t) { return t.state == State::complete; });
    if (any) {
      r.best = study_.best_trial();
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
    const ThreadScope threads(o_.threads);
    const Recipe::Trained trained = recipe_.train(default_params(), streams_of(study_, 0));
    r.steps += trained.training.steps;
    return trained.training.score;
  }

  void finish(FitResult& r) {
    r.default_validation = default_validation(r);
    const ThreadScope threads(o_.threads);
    r.model = recipe_.final_model(r.best.params, streams_of(study_, r.best.number), &r.steps);
    r.weights = hash_text(hash_weights(r.model.network));
    const std::optional<std::string> kept = study_.attribute(kTest);
    const Document seen = kept ? Document::parse(*kept) : Document::object();
    const auto kept_number = [&](const char* key, int64_t otherwise) {
      return seen.has(key) ? seen.at(key).as<int64_t>() : otherwise;
    };
    if (kept_number("trial", -1) == r.best.number) {  // what is known needs no second look
      r.test = seen.at("test").as<double>();
      r.default_test = seen.at("default_test").as<double>();
      return;
    }
    r.reopened = kept.has_value();
    TabularModel plain = recipe_.final_model(default_params(), streams_of(study_, 0), &r.steps);
    const nn::Dataset rows = recipe_.open_test();
    r.test = recipe_.score(r.model, rows);
    r.default_test = recipe_.score(plain, rows);
    const Document now = {{"trial", r.best.number},
                          {"test", r.test},
                          {"default_test", r.default_test},
                          {"opened", kept_number("opened", 0) + 1}};
    study_.set_attribute_json(kTest, now.dump());
  }

  const FitOptions& o_;
  Recipe recipe_;
  Space space_ = Recipe::space();
  Study study_;
};

}  // namespace

FitResult fit(const FitOptions& options) {
  if (options.trials < 1) {
    throw ValueError(fmt::format("fit: trials must be 1 or more, got {}", options.trials));
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
  Recipe recipe(read_csv(path, csv_from(json.at("csv"))),
                {.target = json.at("target").as<std::string>(),
                 .task = json.at("task").as<std::string>() == "regression" ? Task::regression
                                                                           : Task::classification,
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
