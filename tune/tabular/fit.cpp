#include "attune/tune/tabular/fit.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <thread>
#include <utility>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/base/threads.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/samplers.h"
#include "attune/tune/tabular/best_trials.h"
#include "tune/tabular/internal/fit_clock.h"
#include "tune/tabular/internal/fit_study.h"
#include "tune/tabular/internal/keeping_shape.h"
#include "tune/train/internal/diverged.h"

namespace attune::tune {
namespace {

// An attribute of the study: what the test part said, and for which trial.
constexpr char kTest[] = "attune:test";

constexpr auto kLookAgain = std::chrono::milliseconds(100);  // at what others run
constexpr double kLongestSilence = 60;                       // seconds

int64_t count_ended(const std::vector<TrialResult>& trials) {
  return std::count_if(trials.begin(), trials.end(), [](const TrialResult& t) {
    return finished(t.state) || t.state == State::paused;  // that a scheduler did not go on with
  });
}

class Fit {
 public:
  explicit Fit(const FitOptions& options)
      : o_(options), recipe_(recipe_for(o_)), clock_(o_.timeout, began_), study_(study_options()) {
    claim_study(study_, o_, recipe_);
  }

  FitResult run() {
    if (o_.on_start) o_.on_start(recipe_, study_);
    if (o_.timeout) train_linear();  // to know how long it takes
    tune();
    if (!stopped() && clock_.trials_must_end() && winners(1).empty()) train_one();
    FitResult result = figures();
    if (!result.interrupted) finish(result);
    result.seconds = clock_.seconds();
    return result;
  }

 private:
  StudyOptions study_options() const {
    return {.name = o_.study.empty() ? default_study_name(o_, recipe_) : o_.study,
            .storage = o_.storage,
            .direction = lower_is_better(recipe_.score()) ? minimize : maximize,
            .sampler = o_.sampler ? o_.sampler : bayesian(),
            .pruner = pruner(),
            .scheduler = o_.scheduler ? keeping_shape(o_.scheduler) : nullptr,
            .seed = o_.seed,
            .space = space_,
            .deterministic = true,
            .stop = o_.stop};
  }

  std::shared_ptr<Pruner> pruner() const {
    if (o_.pruner || o_.scheduler) return o_.pruner;
    return median({.startup_trials = 5, .warmup_steps = recipe_.folds() > 0 ? 0 : 5});
  }

  bool stopped() const { return o_.stop && o_.stop(); }

  // What other processes run of this study.
  struct Others {
    int64_t running = 0;
    std::pair<int64_t, size_t> signs = {};  // trials that have ended, reports of those that run
    double longest = 0;                     // seconds of a trial
  };
  Others others() const {
    Others o;
    for (const TrialResult& trial : study_.trials()) {
      if (finished(trial.state)) {
        ++o.signs.first;
        if (trial.seconds > o.longest) o.longest = trial.seconds;
      } else if (trial.state == State::running && trial.number < o_.trials) {
        ++o.running;
        o.signs.second += trial.intermediate.size();
      }
    }
    return o;
  }

  // The model is made of all trials of the study: those that other processes still run are waited
  // for while they give signs of life, and those that such a process leaves behind are run here.
  void tune() {
    Others seen;
    double since = clock_.seconds();
    for (;;) {
      run_trials();
      const Others now = others();
      if (stopped() || clock_.trials_must_end() || now.running == 0) return;
      if (now.signs != seen.signs) since = clock_.seconds();
      seen = now;
      if (clock_.seconds() - since > std::max(kLongestSilence, 2 * now.longest)) {
        silent_ = now.running;
        return;
      }
      std::this_thread::sleep_for(kLookAgain);
    }
  }

  // The time was up before a trial was complete. One is trained all the same, as briefly as can be:
  // a poor model and figures say more than none.
  void train_one() {
    if (others().running > 0) return;
    study_.optimize([&](Trial& trial) { return run_trial(trial); },
                    {.trials = 1,
                     .total = o_.trials,
                     .stop = [&] { return stopped(); },
                     .progress = o_.progress});
    too_late_ = true;
  }

  void run_trials() {
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
        [&] { return !clock_.trials_must_end(); }, &trial);
    if (trained.training.divergence) return diverged(trial, *trained.training.divergence);
    trial.set_attribute(kWeightsAttribute, hash_text(hash_weights(trained.network)));
    trial.set_attribute(kStepsAttribute, steps_of(trial, trained.training));
    if (std::isfinite(trained.loss)) trial.set_attribute(kLossAttribute, trained.loss);
    const double seconds = clock_.seconds() - began;
    if (trained.training.cut) {
      // The first trial counts as far as it came: without one there would be no model.
      trial.set_attribute(kCutAttribute, true);
      if (clock_.any_complete()) return pruned;
    }
    if (trained.training.outcome) return *trained.training.outcome;
    clock_.complete(seconds, lower_is_better(recipe_.score()) ? -trained.training.score
                                                              : trained.training.score);
    return trained.training.score;
  }

  // All that the trial has had: what was trained before a pause is among it.
  int64_t steps_of(const Trial& trial, const Training& training) const {
    if (!trial.resumed() || recipe_.folds() > 0 || training.epochs == 0) return training.steps;
    const auto epochs = std::ssize(study_.trial(trial.number()).intermediate);
    return training.steps / training.epochs * epochs;
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
    r.trials = count_ended(trials);
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
      if (trial.state != State::complete || trial.params != default_params()) continue;
      return trial.user.contains(kCutAttribute) ? FitResult::kNone : trial.value;
    }
    const Recipe::Trained trained =
        recipe_.train(default_params(), streams_of(study_, 0), {}, go_on());
    return figure(r, "the default configuration", trained.training);
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

  // The score of what is only compared with: none if it was not trained to its end.
  double figure(FitResult& r, std::string_view what, const Training& training) const {
    r.steps += training.steps;
    if (!training.cut) return training.score;
    r.remarks.push_back(fmt::format("the time was up: {} has no figure", what));
    return FitResult::kNone;
  }

  // Trained on training and validation rows, to its end; else nothing.
  std::optional<TabularModel> compared(FitResult& r, std::string_view what, const Params& params,
                                       const Streams& streams) const {
    Training training;
    TabularModel model = recipe_.final_model(params, streams, &training, go_on());
    figure(r, what, training);
    if (training.cut) return {};
    return model;
  }

  TabularModel final_models(FitResult& r) {
    std::vector<TabularModel> models;
    double longest = 0;  // seconds of a training
    const int64_t tenth = std::clamp<int64_t>(r.trials / 10, 1, kMostNetworks);
    for (const TrialResult& trial : winners(o_.networks > 0 ? o_.networks : tenth)) {
      if (!models.empty() && !clock_.leaves(longest)) break;
      const double began = clock_.seconds();
      Training training;
      TabularModel model =
          recipe_.final_model(trial.params, streams_of(study_, trial.number), &training, go_on(),
                              stages_before(study_, trial.number));
      longest = std::max(longest, clock_.seconds() - began);
      if (models.empty()) {
        note_cut(r, "the model", training);
        model_cut_ = training.cut;
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

  void train_linear() {
    const ThreadScope threads(o_.threads);
    const double began = clock_.seconds();
    linear_ = recipe_
                  .train(recipe_.linear(), linear_streams(), {},
                         [this] { return clock_.linear_model_may_go_on(); })
                  .training;
    if (!linear_->cut) clock_.reserve_for_linear_model(clock_.seconds() - began);
  }

  void finish(FitResult& r) {
    const ThreadScope threads(o_.threads);
    if (too_late_) {
      r.remarks.emplace_back(
          "the time was up before the first trial: it was trained as briefly as possible all the "
          "same, and the model is worth little; more time is needed");
    } else if (study_.trial(r.best.number).user.contains(kCutAttribute)) {
      r.remarks.emplace_back("the time was up within the first trial: it ended early");
    }
    if (silent_ > 0) {
      r.remarks.push_back(fmt::format(
          "the model is made without {} that another program runs without a sign of life",
          silent_ == 1 ? "a trial" : fmt::format("{} trials", silent_)));
    }
    r.model = final_models(r);
    r.weights = hash_text(hash_weights(r.model.network));
    r.default_validation = default_validation(r);
    r.baseline_validation = recipe_.constant_score();
    if (!linear_) train_linear();
    r.linear_validation = figure(r, "the linear model", *linear_);
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
    const bool known = std::ranges::all_of(figures, [&](const auto& figure) {
      return seen.has(figure.first) && seen.at(figure.first).dump() != "null";
    });
    if (same && known) {  // what is known needs no second look
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
    std::optional<TabularModel> plain, linear;
    if (!is_default) {
      plain = compared(r, "the default configuration, for the test,", default_params(),
                       streams_of(study_, 0));
    } else if (!model_cut_) {
      plain = r.model;
    }
    if (!linear_->cut) {
      linear = compared(r, "the linear model, for the test,", recipe_.linear(), linear_streams());
    }
    const nn::Dataset rows = recipe_.open_test();
    r.test = recipe_.score(r.model, rows);
    if (plain) r.default_test = recipe_.score(*plain, rows);
    if (linear) r.linear_test = recipe_.score(*linear, rows);
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
  std::optional<Training> linear_ = {};  // how the training of the linear model went
  bool model_cut_ = false;
  bool too_late_ = false;  // the time was up before a trial was complete
  int64_t silent_ = 0;     // trials of other programs that were not waited for any longer
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

}  // namespace attune::tune
