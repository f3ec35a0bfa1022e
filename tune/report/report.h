#pragma once
// A study as one HTML file to pass on: what was found, pictures, the table of trials, the record.
//   tune::write_report(tune::StudyView("sqlite:///digits.db", "digits"), "report.html");

#include <string>

#include "attune/tune/study_view.h"

namespace attune::tune {

// The page as HTML. It opens without a network in any browser, and nothing in it leaves the page.
// Texts of the study (names, labels, errors) are data, never markup. Error in a build without the
// page (ATTUNE_WITH_PAGE).
std::string report_page(const StudyView& view);

// Writes the page to a file. An existing file is replaced only once the new one is complete.
// IoError where it cannot be written; else as report_page().
void write_report(const StudyView& view, const std::string& path);

// Whether this build has the page that write_report() fills in.
bool has_report_page();

// What the page is filled with, as one line of JSON; see docs/report.md.
std::string report_json(const StudyView& view);

}  // namespace attune::tune
