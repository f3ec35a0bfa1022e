#pragma once
// A study to look at: nothing is written, no trial is failed, no seed is drawn, no lock is held.
//   tune::StudyView view("sqlite:///digits.db", "digits");
//   view.best_trial().params;

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/analysis/importance.h"
#include "attune/tune/study.h"

namespace attune::tune {

// Copies are the same view; safe for several threads.
class StudyView {
 public:
  // StorageError when there is no such storage or study.
  StudyView(std::string_view url, const std::string& name);
  StudyView(std::shared_ptr<Storage> storage, const std::string& name);

  // As in Study.
  const std::string& name() const { return study_.name(); }
  const std::vector<Direction>& directions() const { return study_.directions(); }
  int64_t size() const { return study_.size(); }
  std::vector<TrialResult> trials() const { return study_.trials(); }
  TrialResult trial(int64_t number) const { return study_.trial(number); }
  TrialResult best_trial() const { return study_.best_trial(); }
  std::vector<TrialResult> best_trials() const { return study_.best_trials(); }
  std::map<std::string, std::string> attributes() const { return study_.attributes(); }
  History history() const { return study_.history(); }
  Space space() const { return study_.space(); }

  const Study& study() const { return study_; }  // opened to be read only, for analyses

 private:
  Study study_;
};

std::vector<ParamImportance> importances(const StudyView& view,
                                         const ImportanceOptions& options = {});

}  // namespace attune::tune
