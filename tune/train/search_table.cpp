// SearchResult::table(): what each configuration of a search has come to.

#include <algorithm>
#include <cmath>
#include <limits>
#include <ostream>
#include <tuple>

#include <fmt/format.h>

#include "attune/tune/by_name.h"
#include "attune/tune/internal/document.h"
#include "attune/tune/train/search.h"
#include "tune/train/internal/folds.h"
#include "tune/train/internal/search_data.h"

namespace attune::tune {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

std::vector<double> folds_of(const TrialResult& trial) {
  const auto kept = trial.user.find(kFoldsAttribute);
  if (kept == trial.user.end()) return {};
  std::vector<double> scores;
  for (const Document& score : Document::parse(kept->second).items()) {
    scores.push_back(score.dump() == "null" ? kNone : score.as<double>());
  }
  return scores;
}

SearchRow row_of(const TrialResult& trial) {
  SearchRow row{.number = trial.number, .state = trial.state, .params = trial.params};
  row.seconds = trial.seconds;
  row.steps = std::ssize(trial.intermediate);
  row.scores = folds_of(trial);
  row.mean = kNone;
  if (trial.state == State::failed) return row;
  if (trial.state == State::complete) {
    row.mean = trial.value;
  } else if (!trial.intermediate.empty()) {
    row.mean = trial.intermediate.rbegin()->second;
  }
  if (row.scores.empty()) {
    if (!std::isnan(row.mean)) row.scores = {row.mean};
  } else {
    row.mean = mean_of(row.scores);
  }
  row.deviation = deviation_of(row.scores);
  return row;
}

// What rank is by; less is better.
std::tuple<int, int64_t, double> merit(const SearchRow& row, bool lower_is_better) {
  if (std::isnan(row.mean)) return {2, 0, 0};
  const double loss = lower_is_better ? row.mean : -row.mean;
  if (row.state == State::complete) return {0, 0, loss};
  return {1, -row.steps, loss};
}

std::string text_of(const Params& params) {
  std::string text;
  for (const auto& [name, value] : params) {
    const double* number = std::get_if<double>(&value.variant());
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name,
                        number ? fmt::format("{:.4g}", *number) : value.to_string());
  }
  return text;
}

}  // namespace

SearchTable SearchResult::table() const {
  SearchTable table;
  for (const TrialResult& trial : study.trials()) {
    if (trial.state != State::waiting) table.push_back(row_of(trial));
  }
  const bool lower = data_->lower_is_better;
  for (SearchRow& row : table) {
    row.rank = 1 + std::ranges::count_if(table, [&](const SearchRow& other) {
                 return merit(other, lower) < merit(row, lower);
               });
  }
  return table;
}

std::string SearchTable::to_string() const {
  std::vector<const SearchRow*> rows;
  for (const SearchRow& row : *this) rows.push_back(&row);
  std::ranges::stable_sort(rows, {}, &SearchRow::rank);
  std::string text =
      fmt::format("{:>5}  {:>10}  {:>10}  {:>6}  {:>9}  {:>6}  {:<9}  {}\n", "rank", "mean",
                  "deviation", "steps", "seconds", "trial", "state", "params");
  for (const SearchRow* row : rows) {
    text += fmt::format("{:>5}  {:>10.4f}  {:>10.4f}  {:>6}  {:>9.2f}  {:>6}  {:<9}  {}\n",
                        row->rank, row->mean, row->deviation, row->steps, row->seconds, row->number,
                        name_of(row->state), text_of(row->params));
  }
  return text;
}

std::ostream& operator<<(std::ostream& out, const SearchTable& table) {
  return out << table.to_string();
}

}  // namespace attune::tune
