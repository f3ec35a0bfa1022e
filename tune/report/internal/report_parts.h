#pragma once
// What a page is filled with, in two parts: what follows from all trials together and takes a while
// (the findings, the model's curves), and the whole with the trials in it.

#include <string>

#include "attune/tune/study_view.h"

namespace attune::tune::internal {

struct ReportParts {
  std::string findings;  // JSON: all but the trials and their curves
  std::string all;       // what report_json() returns
};
ReportParts report_parts(const StudyView& view);

// The page with this JSON in its place; see report_page().
std::string page_with(const std::string& json);

}  // namespace attune::tune::internal
