// attune report: a study for people, as a few sentences or as a page to pass on.

#include <fmt/format.h>

#include "attune/base/internal/text.h"
#include "attune/tune/report/findings.h"
#include "attune/tune/report/report.h"
#include "attune/tune/study_view.h"
#include "cli/command.h"
#include "cli/output_file.h"

namespace attune::cli {
namespace {

struct Report : Common {
  std::string name;  // of the study, as an argument
  std::string out;

  void declare(Options options) {
    options.text("STUDY", name, "Its name; may be left out where there is just one");
    study_option(options, *this);
    storage_option(options, *this);
    options.text("-o,--out", out,
                 "An HTML file to write (\"-\": stdout); without it, sentences are printed");
    json_option(options, *this);
    quiet_option(options, *this);
  }
};

int run_report(const Report& o) {
  const bool page = !o.out.empty(), to_stdout = is_stdout(o.out);
  if (page && to_stdout && o.json) {
    throw WrongInput("--json and --out " + o.out + " both write to stdout; give one of them");
  }
  if (!to_stdout) check_output("--out", o.out, {database_of(o.storage_or(kDefaultStorage))});
  const tune::Study study = open_study(o, o.name);
  const tune::StudyView view(open_for_reading(o), study.name());
  if (page && to_stdout) {
    answer(tune::report_page(view));
  } else if (page) {
    save_output([&] { tune::write_report(view, o.out); });
    note(o, fmt::format("wrote {}", shown_path(o.out)));
  }
  if (o.json) {
    answer(Json::parse(tune::report_json(view)));
  } else if (!page) {
    const tune::Findings found = tune::findings(view);
    std::string text;
    for (const std::string& s : found.sentences()) text += s + '\n';
    const std::vector<std::string> advice = found.advice();
    if (!advice.empty()) text += "\nNext:\n";
    for (const std::string& s : advice) text += "- " + s + '\n';
    answer(text);
  }
  return kFine;
}

}  // namespace

void add_report(CommandLine& commands) {
  commands.add("report", "What a study found, in sentences or as a page", run_report);
}

}  // namespace attune::cli
