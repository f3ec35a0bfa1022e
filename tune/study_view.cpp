#include "attune/tune/study_view.h"

#include <utility>

namespace attune::tune {

StudyView::StudyView(std::string_view url, const std::string& name)
    : StudyView(open_existing_storage(url), name) {}

StudyView::StudyView(std::shared_ptr<Storage> storage, const std::string& name)
    : study_({.name = name, .storage = std::move(storage), .read_only = true}) {}

std::vector<ParamImportance> importances(const StudyView& view, const ImportanceOptions& options) {
  return view.study().importances(options);
}

}  // namespace attune::tune
