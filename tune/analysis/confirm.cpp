#include "attune/tune/analysis/confirm.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>
#include <optional>
#include <set>
#include <thread>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/analysis/internal/winner.h"
#include "attune/tune/internal/kept_space.h"
#include "attune/tune/internal/study_state.h"

namespace attune::tune {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// The runs that are still to be made, one thread at a time taking the next.
struct Job {
  std::string what;
  Params params;
};

class Repeats {
 public:
  Repeats(StudyState& study, const Objective& objective, std::vector<Job> jobs,
          const ProgressSink& sink)
      : study_(study), objective_(objective), jobs_(std::move(jobs)), sink_(sink) {
    progress_.wanted = static_cast<int64_t>(jobs_.size());
  }

  void work(int threads) {
    {
      std::vector<std::jthread> others;
      for (int i = 1; i < threads; ++i) others.emplace_back([this] { work(); });
      work();
    }
    if (error_) std::rethrow_exception(error_);
  }

 private:
  void work() {
    try {
      while (std::optional<Trial> trial = next()) {
        const int64_t number = trial->number();
        run_trial(study_, *trial, objective_);
        tell(study_.result(number));
      }
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (!error_) error_ = std::current_exception();
    }
  }

  // Jobs get their numbers in order, however many threads there are.
  std::optional<Trial> next() {
    const std::lock_guard lock(mutex_);
    if (error_ || limits_->reached() || taken_ >= jobs_.size()) return std::nullopt;
    const Job& job = jobs_[taken_++];
    return study_.repeat(job.what, job.params, limits_);
  }

  void tell(const TrialResult& run) {
    if (!sink_) return;
    const std::lock_guard lock(telling_);
    ++progress_.trials;
    progress_.complete += run.state == State::complete;
    progress_.pruned += run.state == State::pruned;
    progress_.failed += run.state == State::failed;
    progress_.seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    sink_(progress_);
  }

  using Clock = std::chrono::steady_clock;
  StudyState& study_;
  const Objective& objective_;
  std::vector<Job> jobs_;
  const ProgressSink& sink_;
  std::shared_ptr<RunLimits> limits_ = study_.runs().begin();
  Clock::time_point begin_ = Clock::now();
  std::mutex mutex_, telling_;
  size_t taken_ = 0;
  Progress progress_;
  std::exception_ptr error_;
};

bool same(const Params& a, const Params& b) {
  return a.size() == b.size() && std::all_of(a.begin(), a.end(), [&](const Params::Entry& entry) {
           const ParamValue* other = b.find(entry.first);
           return other && *other == entry.second;
         });
}

bool is_repeat(const TrialResult& trial) { return trial.system.contains(kRepeats); }

// The best complete trials with different parameters, of those in the space if it is known.
std::vector<Confirmed> best_of(const std::vector<TrialResult>& trials, int64_t count, double sign,
                               const std::optional<KeptSpace>& space) {
  std::vector<const TrialResult*> order;
  for (const TrialResult& t : trials) {
    if (t.state != State::complete || std::isnan(t.value) || is_repeat(t)) continue;
    if (!space || space->fits(t.params)) order.push_back(&t);
  }
  const auto violation = [](const TrialResult& t) {
    double sum = 0;
    for (const auto& [name, value] : t.constraints) sum += std::max(value, 0.0);
    return sum;
  };
  std::stable_sort(order.begin(), order.end(), [&](const TrialResult* a, const TrialResult* b) {
    return std::pair(violation(*a), sign * a->value) < std::pair(violation(*b), sign * b->value);
  });
  std::vector<Confirmed> best;
  for (const TrialResult* t : order) {
    if (static_cast<int64_t>(best.size()) == count) break;
    if (std::any_of(best.begin(), best.end(),
                    [&](const Confirmed& c) { return same(c.params, t->params); })) {
      continue;
    }
    best.push_back({.number = t->number, .params = t->params, .before = t->value});
  }
  return best;
}

// Fills in what has been run by now.
void count_runs(Confirmed& c, const std::string& what, const std::vector<TrialResult>& trials) {
  c.values.clear(), c.runs.clear(), c.failed = 0;
  for (const TrialResult& t : trials) {
    if (!is_repeat(t) || t.system.at(kRepeats) != what || !finished(t.state)) continue;
    c.runs.push_back(t.number);
    if (t.state == State::complete && std::isfinite(t.value)) {
      c.values.push_back(t.value);
    } else {
      ++c.failed;
    }
    if (c.number < 0 && c.params.empty()) c.params = t.params;
  }
  const auto n = static_cast<double>(c.values.size());
  c.mean = c.standard_error = kNaN;
  if (n < 1) return;
  c.mean = 0;
  for (const double v : c.values) c.mean += v / n;
  if (n < 2) return;
  double squares = 0;
  for (const double v : c.values) squares += (v - c.mean) * (v - c.mean);
  c.standard_error = std::sqrt(squares / (n - 1) / n);
}

// Fewest failures, then the lowest mean loss; candidates with fewer than two values last.
size_t pick(const std::vector<Confirmed>& candidates, double sign) {
  const auto before = [&](const Confirmed& a, const Confirmed& b) {
    const bool few_a = a.values.size() < 2, few_b = b.values.size() < 2;
    if (few_a != few_b) return few_b;
    if (a.failed != b.failed) return a.failed < b.failed;
    return sign * a.mean < sign * b.mean;
  };
  return static_cast<size_t>(std::min_element(candidates.begin(), candidates.end(), before) -
                             candidates.begin());
}

// Of a mean, and with how many degrees of freedom.
struct MeanVariance {
  double variance, dof;
};

// A variance of five values is too rough for what is picked by a narrow margin. The best
// configurations are alike, so theirs are taken together; but not where the winner's own is larger.
MeanVariance of_winner(const ConfirmResult& r) {
  const Confirmed& w = r.winner();
  const auto squares = [](const Confirmed& c) {
    const auto n = static_cast<double>(c.values.size());
    return c.standard_error * c.standard_error * n * (n - 1);
  };
  double sum = 0, dof = 0;
  for (const Confirmed& c : r.candidates) {
    if (c.values.size() < 2) continue;
    sum += squares(c), dof += static_cast<double>(c.values.size()) - 1;
  }
  const auto n = static_cast<double>(w.values.size());
  return {std::max(sum / dof, squares(w) / (n - 1)) / n, dof};
}

// Those that the winner was picked from: as few runs failed, and there are enough. As losses.
std::vector<std::vector<double>> rivals(const ConfirmResult& r, double sign) {
  std::vector<std::vector<double>> all;
  for (const Confirmed& c : r.candidates) {
    if (c.values.size() < 2 || c.failed != r.winner().failed) continue;
    all.push_back(c.values);
    for (double& v : all.back()) v *= sign;
  }
  return all;
}

// All in losses: `sign` times the values.
void infer(ConfirmResult& r, double sign, double level) {
  r.value = r.value_low = r.value_high = r.gain = r.gain_low = r.gain_high = r.optimism = kNaN;
  const Confirmed& w = r.winner();
  if (w.values.size() < 2) return;
  const std::vector<std::vector<double>> from = rivals(r, sign);
  const double expected = internal::expected_of_lowest(from);
  const auto [variance, dof] = of_winner(r);
  const internal::WinnerInterval own =
      internal::interval_of_highest(-sign * w.mean, std::sqrt(variance), dof, from.size(), level);
  r.value = sign * expected;
  r.value_low = std::min(-sign * own.low, -sign * own.high);
  r.value_high = std::max(-sign * own.low, -sign * own.high);
  r.optimism = sign * (r.value - w.before);

  const Confirmed& d = r.defaults;
  if (same(d.params, w.params)) {
    r.gain = r.gain_low = r.gain_high = 0;
    return;
  }
  if (d.values.size() < 2) return;
  const double other = d.standard_error * d.standard_error, total = variance + other;
  const double dof_other = static_cast<double>(d.values.size() - 1);
  const double welch =
      total > 0 ? total * total / (variance * variance / dof + other * other / dof_other) : dof;
  const internal::WinnerInterval better = internal::interval_of_highest(
      sign * (d.mean - w.mean), std::sqrt(total), welch, from.size(), level);
  r.gain = sign * d.mean - expected, r.gain_low = better.low, r.gain_high = better.high;
}

void check_one_objective(const Study& study) {
  if (study.directions().size() > 1) {
    throw ValueError(fmt::format("confirm: study {} has {} objectives", in_quotes(study.name()),
                                 study.directions().size()));
  }
}

void check(int64_t count, const ConfirmOptions& o, const Study& study) {
  if (count < 1 || o.repeats < 2 || o.jobs < 1 || !(o.level > 0 && o.level < 1)) {
    throw ValueError(fmt::format(
        "confirm: count ({}) and jobs ({}) must be 1 or more, repeats ({}) 2 or more, level ({}) "
        "between 0 and 1",
        count, o.jobs, o.repeats, o.level));
  }
  check_one_objective(study);
}

}  // namespace

ConfirmResult Study::confirm(int64_t count, const Objective& objective) {
  return confirm(count, objective, {});
}

ConfirmResult Study::confirm(int64_t count, const Objective& objective,
                             const ConfirmOptions& options) {
  check(count, options, *this);
  const double sign = directions().front() == Direction::maximize ? -1 : 1;
  std::vector<TrialResult> trials = this->trials();
  ConfirmResult r;
  r.candidates = best_of(trials, count, sign, KeptSpace::in(history()));
  if (r.candidates.empty()) {
    throw ValueError(fmt::format("confirm: study {} has no complete trial", in_quotes(name())));
  }
  const auto [default_name, default_params] = state_->default_configuration();
  r.defaults = {.params = default_params, .before = kNaN};

  std::vector<std::string> whats;
  std::vector<Confirmed*> all;
  for (Confirmed& c : r.candidates) {
    whats.push_back(fmt::format("{}", c.number)), all.push_back(&c);
  }
  whats.push_back(default_name), all.push_back(&r.defaults);
  for (size_t i = 0; i < all.size(); ++i) count_runs(*all[i], whats[i], trials);

  std::vector<Job> jobs;  // all once, then all once more: what is broken off is even
  for (int64_t k = 0; k < options.repeats; ++k) {
    for (size_t i = 0; i < all.size(); ++i) {
      const Params& params = all[i] == &r.defaults ? default_params : all[i]->params;
      if (static_cast<int64_t>(all[i]->runs.size()) <= k) jobs.push_back({whats[i], params});
    }
  }
  Repeats(*state_, objective, std::move(jobs), options.progress).work(options.jobs);

  trials = this->trials();
  for (size_t i = 0; i < all.size(); ++i) count_runs(*all[i], whats[i], trials);
  r.chosen = pick(r.candidates, sign);
  infer(r, sign, options.level);
  return r;
}

std::optional<ConfirmResult> confirmed(const Study& study, double level) {
  if (!(level > 0 && level < 1)) {
    throw ValueError(fmt::format("confirmed: level ({}) must be between 0 and 1", level));
  }
  check_one_objective(study);
  const double sign = study.directions().front() == Direction::maximize ? -1 : 1;
  const std::vector<TrialResult> trials = study.trials();
  const auto number = static_cast<int64_t>(trials.size());
  std::set<std::string> whats;
  for (const TrialResult& t : trials) {
    if (is_repeat(t)) whats.insert(t.system.at(kRepeats));
  }
  ConfirmResult r;
  r.defaults.before = kNaN;
  const std::optional<KeptSpace> space = KeptSpace::in(study.history());
  for (Confirmed& c : best_of(trials, number, sign, space)) {
    if (whats.erase(fmt::format("{}", c.number)) > 0) r.candidates.push_back(std::move(c));
  }
  if (r.candidates.empty()) return std::nullopt;
  for (Confirmed& c : r.candidates) count_runs(c, fmt::format("{}", c.number), trials);
  for (const std::string& others : whats) count_runs(r.defaults, others, trials);
  r.chosen = pick(r.candidates, sign);
  if (r.winner().values.size() < 2) return std::nullopt;
  infer(r, sign, level);
  return r;
}

}  // namespace attune::tune
