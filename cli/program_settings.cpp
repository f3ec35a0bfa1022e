#include "cli/program_settings.h"

#include <cmath>
#include <cstdlib>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/by_name.h"
#include "attune/tune/space_json.h"
#include "attune/tune/space_text.h"
#include "cli/command.h"

namespace attune::cli {
namespace {

constexpr char kAttribute[] = "attune:program";  // of the study

}  // namespace

tune::Space ProgramSettings::whole_space() const {
  tune::Space whole = space.empty() ? tune::Space{} : tune::space_from_json(space);
  for (const std::string& text : params) {
    const tune::NamedParam param = tune::param_from_text(text);
    whole.add(param.name, param.param);
  }
  return whole;
}

tune::ProgramOptions ProgramSettings::options(size_t objectives) const {
  tune::ProgramOptions o{.command = command, .space = whole_space(), .folder = folder};
  o.objectives = objectives;
  o.repeats = repeats;
  o.reduce = tune::reduce_by_name(reduce);
  o.memory = memory;
  o.grace = std::chrono::duration<double>(grace);
  if (trial_timeout > 0) o.trial_timeout = std::chrono::duration<double>(trial_timeout);
  return o;
}

tune::StudyOptions ProgramSettings::study() const {
  tune::StudyOptions o;
  o.sampler = tune::sampler_by_name(sampler);
  o.scheduler = tune::scheduler_by_name(scheduler);
  o.space = whole_space();
  return o;
}

void keep_settings(tune::Study& study, const ProgramSettings& s) {
  const Json document = {
      {"command", s.command}, {"params", s.params},   {"space", s.space},
      {"folder", s.folder},   {"sampler", s.sampler}, {"pruner", s.scheduler},
      {"reduce", s.reduce},   {"trials", s.trials},   {"repeats", s.repeats},
      {"retries", s.retries}, {"memory", s.memory},   {"trial_timeout", s.trial_timeout},
      {"grace", s.grace}};
  const std::string text = document.dump();
  if (study.attribute(kAttribute) != text) study.set_attribute_json(kAttribute, text);
}

std::optional<ProgramSettings> kept_settings(const tune::Study& study) {
  const std::optional<std::string> text = study.attribute(kAttribute);
  if (!text) return std::nullopt;
  try {
    const Json document = Json::parse(*text);
    ProgramSettings s;
    s.command = document.at("command").as<std::vector<std::string>>();
    s.params = document.at("params").as<std::vector<std::string>>();
    s.space = document.at("space").as<std::string>();
    s.folder = document.at("folder").as<std::string>();
    s.sampler = document.at("sampler").as<std::string>();
    s.scheduler = document.at("pruner").as<std::string>();
    s.reduce = document.at("reduce").as<std::string>();
    s.trials = document.at("trials").as<int64_t>();
    s.repeats = document.at("repeats").as<int64_t>();
    if (document.has("retries")) s.retries = document.at("retries").as<int64_t>();
    s.memory = document.at("memory").as<int64_t>();
    s.trial_timeout = document.at("trial_timeout").as<double>();
    s.grace = document.at("grace").as<double>();
    return s;
  } catch (const ValueError& e) {
    throw StorageError(fmt::format("study {}: its attribute {} cannot be read: {}",
                                   in_quotes(study.name()), kAttribute, e.what()));
  }
}

int64_t parse_size(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  double factor = 0;
  if (unit.empty() || unit == "B") factor = 1;
  if (unit == "k" || unit == "K" || unit == "KB" || unit == "kB") factor = 0x1p10;
  if (unit == "m" || unit == "M" || unit == "MB") factor = 0x1p20;
  if (unit == "g" || unit == "G" || unit == "GB") factor = 0x1p30;
  const double bytes = number * factor;
  if (end == text.c_str() || !(bytes >= 1 && bytes < 0x1p62)) {
    throw WrongInput(fmt::format("a size such as 500M or 2G is needed, not {}", in_quotes(text)));
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace attune::cli
