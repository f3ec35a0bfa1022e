#include "attune/tune/report/internal/watched.h"

#include <algorithm>
#include <functional>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/by_name.h"
#include "attune/tune/internal/ledger.h"
#include "attune/tune/internal/results.h"
#include "attune/tune/report/internal/trial_columns.h"

namespace attune::tune::internal {

Watched::Watched(std::shared_ptr<Storage> storage, std::string name)
    : storage_(std::move(storage)), name_(std::move(name)) {}

void Watched::forget() {
  log_.reset();
  history_.reset();
  position_ = 0;
  touched_.clear();
  shown_.clear();
}

bool Watched::look() {
  try {
    const bool first = !log_;
    if (first) {
      log_ = storage_->view(name_);
      if (!log_) throw StorageError(fmt::format("there is no study {}", in_quotes(name_)));
      directions_ = log_->directions();
      std::vector<double> signs;
      for (const Direction d : directions_) signs.push_back(d == Direction::maximize ? -1 : 1);
      history_.emplace(signs);
    }
    bool any = first;
    position_ = log_->read(position_, [&](const Event& event) {
      history_->apply(event);
      touched_.push_back(trial_of(event));
      any = true;
    });
    return any;
  } catch (...) {
    forget();
    throw;
  }
}

std::string Watched::changes() {
  std::sort(touched_.begin(), touched_.end());
  touched_.erase(std::unique(touched_.begin(), touched_.end()), touched_.end());
  std::vector<TrialResult> changed;
  for (const int64_t number : touched_) {
    if (number < 0) continue;  // the study itself: its attributes come with the findings
    TrialResult result = result_of(history_->trials().at(static_cast<size_t>(number)), *history_);
    // Logs may repeat events, and not every event changes what is shown.
    const std::string all =
        trial_columns({result}, *history_).dump_any() + curve_of(result).dump_any();
    size_t& shown = shown_[number];
    const size_t hash = std::hash<std::string>()(all);
    if (shown == hash) continue;
    shown = hash;
    changed.push_back(std::move(result));
  }
  touched_.clear();
  if (changed.empty()) return {};
  Document curves = Document::array();
  for (const TrialResult& t : changed) {
    if (t.intermediate.size() > 1) curves.push_back(curve_of(t));
  }
  return Document({{"params", param_list(*history_)},
                   {"trials", trial_columns(changed, *history_)},
                   {"curves", curves}})
      .dump_any();
}

Document Watched::summary() const {
  const History& h = *history_;
  Document directions = Document::array();
  for (const Direction d : directions_) directions.push_back(name_of(d));
  Document all = {{"name", name_},
                  {"directions", directions},
                  {"trials", std::ssize(h.trials())},
                  {"complete", h.count(State::complete)},
                  {"running", h.count(State::running)},
                  {"waiting", h.count(State::waiting)},
                  {"paused", h.count(State::paused)},
                  {"pruned", h.count(State::pruned)},
                  {"failed", h.count(State::failed)}};
  const TrialRecord* best = nullptr;
  double changed = 0;
  for (const TrialRecord& t : h.trials()) {
    changed = std::max({changed, t.started, t.ended});
    if (t.state != State::complete || t.system.contains(kRepeats) || directions_.size() > 1) {
      continue;
    }
    const auto rank = [](const TrialRecord& x) { return std::pair(x.violation(), x.loss()); };
    if (!best || rank(t) < rank(*best)) best = &t;
  }
  all.set("best", best ? Document(h.signs().front() * best->loss()) : Document());
  all.set("best_trial", best ? Document(best->number) : Document());
  if (best && best->violation() > 0) all.set("feasible", false);
  all.set("changed", changed);
  return all;
}

}  // namespace attune::tune::internal
