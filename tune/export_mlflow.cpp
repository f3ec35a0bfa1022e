// An experiment as MLflow's file store keeps it: a folder of small text files for each run.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/crc32c.h"
#include "attune/tune/export.h"
#include "attune/tune/internal/export_folder.h"
#include "attune/tune/internal/json.h"

namespace attune::tune {
namespace {

using internal::ExportFolder, internal::file_name;

int64_t milliseconds(double seconds) { return static_cast<int64_t>(seconds * 1e3); }

std::string number_text(double value) {  // as Python's float() takes it
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return json::number(value);
}

std::string text_of(const ParamValue& value) {
  if (const auto* text = std::get_if<std::string>(&value.variant())) return *text;
  return json::text(value);
}

std::string plain(const std::string& json_text) {  // a text without its quotes
  try {
    return text_of(json::parse(json_text).scalar());
  } catch (const ValueError&) {
    return json_text;
  }
}

// In YAML a double-quoted text is written as in JSON.
std::string quoted(const std::string& text) { return json::text(ParamValue(text)); }

std::string name_of(const std::string& what, size_t objective, size_t objectives) {
  return objectives == 1 ? what : fmt::format("{}_{}", what, objective);
}

struct Experiment {
  std::string id;
  std::filesystem::path path;
  std::string study;
};

// The same for the same study, so that what refers to a run finds it after another export.
std::string run_id(const Experiment& experiment, int64_t trial) {
  return fmt::format("{:08x}{:08x}{:016x}", attune::internal::crc32c(experiment.study),
                     attune::internal::crc32c("run of " + experiment.study), trial);
}

void write_run(const ExportFolder& folder, const Experiment& experiment, const TrialResult& trial,
               const TrialRecord& record, size_t objectives) {
  const std::string id = run_id(experiment, trial.number), run = id + "/";
  const int status = trial.state == State::failed ? 4 : finished(trial.state) ? 3 : 1;
  const std::string end =
      finished(trial.state) ? fmt::format("{}", milliseconds(record.ended)) : "null";
  folder.write(
      run + "meta.yaml",
      fmt::format("artifact_uri: {}\nend_time: {}\nentry_point_name: ''\nexperiment_id: '{}'\n"
                  "lifecycle_stage: active\nrun_id: {}\nrun_name: trial {}\nrun_uuid: {}\n"
                  "source_name: attune\nsource_type: 4\nsource_version: ''\nstart_time: {}\n"
                  "status: {}\ntags: []\nuser_id: ''\n",
                  quoted("file://" + (experiment.path / id / "artifacts").string()), end,
                  experiment.id, quoted(id), trial.number, quoted(id), milliseconds(record.started),
                  status));
  for (const char* part : {"artifacts", "metrics", "params", "tags"}) folder.make(run + part);
  for (const auto& [name, value] : trial.params) {
    folder.write(run + "params/" + file_name(name), text_of(value));
  }
  const int64_t started = milliseconds(record.started), ended = milliseconds(record.ended);
  int64_t last = 0;
  for (size_t i = 0; i < objectives; ++i) {
    std::string lines;
    for (const auto& [step, value] : trial.intermediate) {
      const auto several = trial.intermediate_values.find(step);
      const bool found = several != trial.intermediate_values.end() && i < several->second.size();
      if (i > 0 && !found) continue;
      lines +=
          fmt::format("{} {} {}\n", started, number_text(found ? several->second[i] : value), step);
      last = step;
    }
    if (!lines.empty()) folder.write(run + "metrics/" + name_of("report", i, objectives), lines);
  }
  for (size_t i = 0; i < trial.values.size(); ++i) {
    folder.write(run + "metrics/" + name_of("value", i, objectives),
                 fmt::format("{} {} {}\n", ended, number_text(trial.values[i]), last));
  }
  const auto tag = [&](const std::string& name, const std::string& text) {
    folder.write(run + "tags/" + file_name(name), text);
  };
  tag("mlflow.runName", fmt::format("trial {}", trial.number));
  tag("attune.state", finished(trial.state) ? trial.state == State::complete ? "complete"
                                              : trial.state == State::pruned ? "pruned"
                                                                             : "failed"
                                            : "running");
  if (!trial.error().empty()) tag("attune.error", trial.error());
  for (const auto& [name, text] : trial.user) tag(name, plain(text));
}

}  // namespace

void export_mlflow(const StudyView& view, const std::string& to) {
  // An experiment's folder has its id for a name; ids are numbers.
  const std::string id =
      fmt::format("{}", 1'000'000'000 + int64_t{attune::internal::crc32c(view.name())});
  ExportFolder folder(to, id);
  const Experiment experiment{id, std::filesystem::absolute(folder.path()), view.name()};
  const std::vector<TrialResult> trials = view.trials();
  const History history = view.history();
  double first = 0, last = 0;
  for (const TrialResult& trial : trials) {
    const TrialRecord& record = history.trials()[static_cast<size_t>(trial.number)];
    if (record.started == 0) continue;
    write_run(folder, experiment, trial, record, view.directions().size());
    first = first == 0 ? record.started : std::min(first, record.started);
    last = std::max({last, record.started, record.ended});
  }
  folder.write("meta.yaml",
               fmt::format("artifact_location: {}\ncreation_time: {}\nexperiment_id: '{}'\n"
                           "last_update_time: {}\nlifecycle_stage: active\nname: {}\n",
                           quoted("file://" + experiment.path.string()), milliseconds(first), id,
                           milliseconds(last), quoted(view.name())));
  folder.commit();
}

}  // namespace attune::tune
