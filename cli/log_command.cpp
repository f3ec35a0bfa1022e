// attune log: what a trial's program printed.

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/file.h"
#include "attune/base/internal/text.h"
#include "cli/command.h"
#include "cli/program_settings.h"

namespace attune::cli {
namespace {

struct LogArguments : Common {
  std::string name, number;

  void declare(Options options) {
    options.required("STUDY", name, "Its name");
    options.required("TRIAL", number, "The trial's number, or best");
    storage_option(options, *this);
    json_option(options, *this);
  }
};

int run(const LogArguments& a) {
  const tune::Study study = open_study(a, a.name);
  const std::optional<ProgramSettings> settings = kept_settings(study);
  if (!settings) {
    throw WrongInput(
        fmt::format("study {} was not made by attune tune, which alone keeps what programs print",
                    in_quotes(study.name())));
  }
  const int64_t number =
      a.number == "best" ? study.best_trial().number : trial_number("TRIAL", a.number, study);
  const std::string path = tune::trial_output(settings->folder, number);
  std::string text;
  try {
    text = internal::read_file(path);
  } catch (const IoError& e) {
    throw WorkFailed(fmt::format("trial {} has no output here: {}", number, e.what()));
  }
  if (a.json) {
    answer({{"number", number}, {"file", path}, {"output", text}});
  } else {
    answer(text);
  }
  return kFine;
}

}  // namespace

void add_log(CommandLine& commands) { commands.add("log", "What a trial's program printed", run); }

}  // namespace attune::cli
