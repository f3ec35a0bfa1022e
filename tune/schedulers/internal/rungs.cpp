#include "attune/tune/schedulers/internal/rungs.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <tuple>

#include "attune/tune/internal/math/crowding_distance.h"
#include "attune/tune/internal/math/nondominated.h"

namespace attune::tune::internal {
namespace {

Losses losses_of(const TrialRecord::Report& report) {
  Losses losses{report.loss};
  losses.insert(losses.end(), report.further.begin(), report.further.end());
  for (double& loss : losses) {
    if (std::isnan(loss)) loss = std::numeric_limits<double>::infinity();
  }
  return losses;
}

}  // namespace

const TrialRecord::Report* report_after(const TrialRecord& trial, int64_t steps) {
  const auto at = std::lower_bound(trial.reports.begin(), trial.reports.end(), steps - 1,
                                   [](const auto& r, int64_t step) { return r.step < step; });
  return at == trial.reports.end() ? nullptr : &*at;
}

bool is_nan(const TrialRecord::Report& report) {
  return std::isnan(report.loss) || std::any_of(report.further.begin(), report.further.end(),
                                                [](double loss) { return std::isnan(loss); });
}

std::vector<int64_t> ranked_after(int64_t steps, std::span<const TrialRecord* const> trials) {
  struct Standing {
    int64_t number;
    double violation, rank, room;
  };
  std::vector<Standing> standings;
  std::vector<Losses> losses;
  for (const TrialRecord* trial : trials) {
    if (trial->state == State::failed) continue;
    const TrialRecord::Report* report = report_after(*trial, steps);
    if (!report) continue;
    losses.push_back(losses_of(*report));
    standings.push_back({trial->number, trial->violation(), losses.back().front(), 0});
  }
  if (!losses.empty() && losses.front().size() > 1) {
    const std::vector<size_t> ranks = nondominated_ranks(losses);
    std::map<size_t, std::vector<size_t>> fronts;
    for (size_t i = 0; i < ranks.size(); ++i) fronts[ranks[i]].push_back(i);
    for (const auto& [rank, members] : fronts) {
      std::vector<Losses> front;
      for (const size_t i : members) front.push_back(losses[i]);
      const std::vector<double> room = crowding_distances(front);
      for (size_t k = 0; k < members.size(); ++k) {
        standings[members[k]].rank = static_cast<double>(rank);
        standings[members[k]].room = std::isnan(room[k]) ? 0 : room[k];
      }
    }
  }
  std::sort(standings.begin(), standings.end(), [](const Standing& a, const Standing& b) {
    return std::tuple(a.violation, a.rank, -a.room, a.number) <
           std::tuple(b.violation, b.rank, -b.room, b.number);
  });
  std::vector<int64_t> numbers;
  for (const Standing& s : standings) numbers.push_back(s.number);
  return numbers;
}

int64_t passed(std::span<const int64_t> places, int64_t steps) {
  return std::upper_bound(places.begin(), places.end(), steps) - places.begin();
}

bool arrives(std::span<const int64_t> places, const TrialRecord& trial) {
  return passed(places, trial.reports.back().step + 1) > passed(places, trial.resume_step);
}

}  // namespace attune::tune::internal
