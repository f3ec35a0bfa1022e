#include "attune/tune/samplers/internal/cma/search.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "attune/tune/samplers/internal/cma/margin.h"
#include "attune/tune/internal/math/normal.h"

namespace attune::tune::internal {
namespace {

// A trial may have been suggested this many generations before it finished.
constexpr size_t kLate = 4;
// That many are kept, so that a history a few trials shorter needs no replay.
constexpr size_t kKept = 2 * kLate + 1;
constexpr uint64_t kAttempts = 20;  // StudyState::draw makes no more
constexpr uint64_t kWordsPerAttempt = 1 << 20;

}  // namespace

CmaSearch::CmaSearch(const CmaesOptions& options, const Space& space, Rng rng)
    : options_(options),
      space_(space),
      diagonal_(!options.learning_rate_adaptation &&
                space_.numbers() > static_cast<size_t>(options.full_covariance_limit)),
      restricted_(space.restricted()),
      first_population_(options.population > 0
                            ? static_cast<size_t>(options.population)
                            : default_population(space_.numbers() + space_.choices())),
      rng_(rng),
      sequence_(space_.numbers() + space_.choices(), rng.fork("points").key()) {
  generations_.push_back(first_generation());
}

bool CmaSearch::serves(const Space& space, const Rng& rng) const {
  return rng == rng_ && restricted_ == space.restricted() && space_.is(space);
}

CmaSearch::Generation CmaSearch::begin_run(const CmaRun& run, std::vector<double> mean) const {
  auto rates =
      std::make_shared<const CmaRates>(cma_rates(space_.numbers(), run.population, diagonal_));
  Generation g{.run = run,
               .numbers = CmaDistribution(std::move(rates), std::move(mean), run.sigma, diagonal_,
                                          options_.learning_rate_adaptation),
               .choices = {},
               .best = {}};
  for (size_t k = 0; k < space_.choices(); ++k) {
    g.choices.emplace_back(static_cast<size_t>(space_.choice_count(k)));
  }
  return g;
}

CmaSearch::Generation CmaSearch::first_generation() const {
  return begin_run({.population = first_population_, .sigma = options_.sigma}, space_.start());
}

// Point number k of one scrambled Sobol sequence makes trial k's normal numbers, so that the points
// of a generation, whichever they are, cover the distribution evenly (Teytaud and Gelly, "DCMA: yet
// another derandomization in covariance-matrix-adaptation", 2007).
CmaPoint CmaSearch::sample(const Generation& generation, int64_t number, uint64_t attempt) const {
  Rng rng = rng_.fork(number);
  rng.skip(attempt * kWordsPerAttempt);
  const size_t dims = space_.numbers() + space_.choices();
  std::vector<double> units;
  if (attempt == 0 && dims <= SobolSequence::kSobolDims) {
    units = sequence_.point(static_cast<uint64_t>(number));
  } else {
    for (size_t i = 0; i < dims; ++i) units.push_back(rng.uniform());
  }
  CmaPoint point;
  for (size_t k = 0; k < space_.choices(); ++k) {
    point.choices.push_back(generation.choices[k].at(units[space_.numbers() + k]));
  }
  units.resize(space_.numbers());
  for (double& u : units) u = normal_quantile(std::clamp(u, 1e-12, 1 - 1e-12));
  point.numbers = generation.numbers.sample(std::move(units), rng);
  return point;
}

std::vector<double> CmaSearch::suggest(const Question& question, uint64_t attempt) {
  if (question.history.count(State::complete) < options_.startup_trials) {
    Rng rng = rng_.fork("startup").fork(question.number);
    rng.skip(attempt * kWordsPerAttempt);
    std::vector<double> units(question.space.size());
    for (double& u : units) u = rng.uniform();
    return units;
  }
  follow(question.history);
  return space_.units(sample(generations_.back(), question.number, attempt));
}

void CmaSearch::follow(const History& history) {
  const size_t same = ledger_.agreement(history);
  if (same < ledger_.size()) rewind(same);
  while (ledger_.size() < history.finished().size()) {
    const auto number = static_cast<size_t>(history.finished()[ledger_.size()]);
    ledger_.add(history);
    take(history, history.trials()[number]);
  }
}

// Back to the last generation that began within the first `finished` trials. Those kLate before it
// must be there too, as take() looks at them.
void CmaSearch::rewind(size_t finished) {
  const size_t needed = generations_.front().begin == 0 ? 1 : kLate + 1;
  while (generations_.size() >= needed && generations_.back().begin > finished) {
    generations_.pop_back();
  }
  if (generations_.size() < needed) generations_.assign(1, first_generation());
  members_.clear();
  guest_.reset();
  ledger_.cut(generations_.back().begin);
}

void CmaSearch::take(const History& history, const TrialRecord& trial) {
  const std::vector<double> values = space_.values(history, trial);
  if (std::all_of(values.begin(), values.end(), [](double v) { return std::isnan(v); })) return;
  std::optional<Result> member = recognize(values, trial.number);
  Result result = member ? std::move(*member)
                         : Result{space_.point(values, generations_.back().numbers.mean()), true};
  const bool judged = trial.state != State::failed && !std::isnan(trial.loss());
  result.standing = !judged ? 3 : trial.state == State::pruned ? 1 : 0;
  result.loss = judged ? trial.loss() : 0;
  if (const double over = trial.violation(); judged && over > 0) {
    result.standing = 2;
    result.loss = over;
  }

  if (member) {
    // What was not active, the loss says nothing of.
    space_.forget_missing(values, generations_.back().numbers.mean(), result.point);
    members_.push_back(std::move(result));
    if (members_.size() == generations_.back().run.population) close();
    return;
  }
  if (result.standing > 0 || !std::isfinite(result.loss)) return;
  if (!generations_.back().first || !members_.empty()) {
    if (!guest_ || result < *guest_) guest_ = std::move(result);
  } else if (result.loss < generations_.back().start) {
    // What others have found before the search itself knows anything is where it starts.
    Generation moved = begin_run(generations_.back().run, result.point.numbers);
    moved.start = result.loss;
    open(std::move(moved));
  }
}

void CmaSearch::open(Generation generation) {
  generation.begin = ledger_.size();
  generations_.push_back(std::move(generation));
  if (generations_.size() > kKept) generations_.pop_front();
  members_.clear();
  guest_.reset();
}

// The point that gave the values, if the search suggested them: as it stands, or as it stood some
// generations ago.
std::optional<CmaSearch::Result> CmaSearch::recognize(std::span<const double> values,
                                                      int64_t number) const {
  const size_t last = generations_.size() - 1;
  for (size_t back = 0; back <= std::min(last, kLate); ++back) {
    for (uint64_t attempt = 0; attempt < (restricted_ ? kAttempts : 1); ++attempt) {
      CmaPoint point = sample(generations_[last - back], number, attempt);
      if (space_.fits(values, point)) return Result{std::move(point), back > 0};
    }
  }
  return std::nullopt;
}

void CmaSearch::close() {
  std::stable_sort(members_.begin(), members_.end());
  if (guest_ && *guest_ < members_.front()) {
    members_.pop_back();
    members_.insert(members_.begin(), std::move(*guest_));
  }
  Generation next = generations_.back();
  next.first = false;
  next.run.trials += static_cast<int64_t>(next.run.population);
  next.best.push_back(members_.front().loss);
  const size_t looked_at = generations_looked_at(space_.numbers(), next.run.population);
  if (next.best.size() > looked_at) next.best.erase(next.best.begin());
  // When all are equally good there is nothing to learn.
  if (members_.front() < members_.back()) learn(next, members_);

  if (options_.restarts != CmaesOptions::Restarts::none &&
      is_over(next.run, next.numbers, space_, next.best)) {
    Rng rng = rng_.fork("restart").fork(next.run.index);
    const CmaRun run =
        next_run(next.run, options_.restarts, first_population_, options_.sigma, rng);
    std::vector<double> mean(space_.numbers());
    for (double& m : mean) m = rng.uniform();
    next = begin_run(run, std::move(mean));
    next.first = false;
  }
  open(std::move(next));
}

void CmaSearch::learn(Generation& next, const std::vector<Result>& ranked) const {
  std::vector<CmaRanked> numbers;
  for (size_t i = 0; i < ranked.size(); ++i) {
    const bool tied = i > 0 && !(ranked[i - 1] < ranked[i]);
    numbers.push_back({ranked[i].point.numbers, ranked[i].foreign, tied});
  }
  next.numbers.update(numbers);
  const double dimensions = static_cast<double>(std::max<size_t>(space_.numbers(), 1));
  const double alpha = 1 / (dimensions * static_cast<double>(next.run.population));
  if (options_.margin) keep_margin(next.numbers, space_, alpha);

  std::vector<double> better(next.numbers.rates().weights);
  for (double& w : better) w = std::max(w, 0.0);
  better = weights_of(better, numbers);
  for (size_t k = 0; k < next.choices.size(); ++k) {
    std::vector<int64_t> choices;
    for (const Result& r : ranked) choices.push_back(r.point.choices[k]);
    const double margin = alpha / static_cast<double>(space_.choice_count(k));
    next.choices[k].update(choices, better, margin);
  }
}

}  // namespace attune::tune::internal
