// attune export: a study's trials for other programs.

#include <fmt/format.h>

#include "attune/base/internal/file.h"
#include "attune/base/internal/text.h"
#include "attune/tune/export.h"
#include "cli/command.h"
#include "cli/output_file.h"
#include "cli/trial_json.h"

namespace attune::cli {
namespace {

struct ExportArguments : Common {
  std::string name, format, out;

  void declare(Options options) {
    options.text("STUDY", name, "Its name; may be left out where there is just one");
    options.one_of("--format", format,
                   "csv (default), json, jsonl: one JSON document a line; tensorboard, mlflow: a "
                   "folder that these read",
                   {"csv", "json", "jsonl", "tensorboard", "mlflow"});
    options.text(
        "--out", out,
        "A file (default, and \"-\": stdout); of tensorboard and mlflow a folder (default: "
        "tensorboard, mlruns)");
    storage_option(options, *this);
    study_option(options, *this);
    json_option(options, *this);
    quiet_option(options, *this);
  }
};

std::string text_of(const tune::StudyView& view, const std::string& format) {
  if (format == "csv") return tune::export_csv(view);
  std::string lines;
  Json list = Json::array();
  for (const tune::TrialResult& trial : view.trials()) {
    if (format == "jsonl") {
      lines += json_of(trial).dump_any() + "\n";
    } else {
      list.push_back(json_of(trial));
    }
  }
  return format == "jsonl" ? lines : list.dump_any() + "\n";
}

int export_folder(const ExportArguments& a, const std::string& format) {
  const bool board = format == "tensorboard";
  const std::string to = !a.out.empty() ? a.out : board ? "tensorboard" : "mlruns";
  if (is_stdout(to)) throw WrongInput(fmt::format("--out: {} takes a folder", format));
  const tune::StudyView view(open_for_reading(a), open_study(a, a.name).name());
  board ? tune::export_tensorboard(view, to) : tune::export_mlflow(view, to);
  note(a, board
              ? fmt::format("{} trials written; look with: tensorboard --logdir {}", view.size(),
                            shown_path(to))
              : fmt::format("{} trials written; look with: MLFLOW_ALLOW_FILE_STORE=true mlflow ui "
                            "--backend-store-uri {}",
                            view.size(), shown_path(to)));
  return kFine;
}

int run(const ExportArguments& a) {
  if (a.json && !a.format.empty() && a.format != "json") {
    throw WrongInput("give either --json or --format");
  }
  const std::string format = a.json ? "json" : a.format.empty() ? "csv" : a.format;
  if (format == "tensorboard" || format == "mlflow") return export_folder(a, format);
  if (!is_stdout(a.out)) {
    check_output("--out", a.out, {database_of(a.storage_or(kDefaultStorage))});
  }
  const std::string name = open_study(a, a.name).name();
  const tune::StudyView view(open_for_reading(a), name);
  const std::string text = text_of(view, format);
  if (is_stdout(a.out)) {
    answer(text);
    return kFine;
  }
  save_output([&] {
    internal::AtomicFile file(a.out);
    file.write(text.data(), text.size());
    file.commit();
  });
  note(a, fmt::format("{} trials written to {}", view.size(), shown_path(a.out)));
  return kFine;
}

}  // namespace

void add_export(CommandLine& commands) {
  commands.add("export", "A study's trials as CSV, JSON or JSON lines", run);
}

}  // namespace attune::cli
