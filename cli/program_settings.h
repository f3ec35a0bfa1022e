#pragma once
// What attune tune was told, kept with the study so that workers and later calls do the same.

#include <optional>
#include <string>
#include <vector>

#include "attune/tune/program/program.h"
#include "attune/tune/study.h"

namespace attune::cli {

struct ProgramSettings {
  std::vector<std::string> command, params;
  std::string space;  // JSON text; empty: params say it all
  std::string folder, sampler = "automatic", scheduler = "none", reduce = "mean";
  int64_t trials = 100, repeats = 1, retries = 0;
  int64_t memory = 0;                   // bytes
  double trial_timeout = 0, grace = 5;  // seconds; 0: no limit

  tune::Space whole_space() const;
  tune::ProgramOptions options(size_t objectives) const;
  tune::StudyOptions study() const;  // sampler, scheduler and space
};

void keep_settings(tune::Study& study, const ProgramSettings& settings);
std::optional<ProgramSettings> kept_settings(const tune::Study& study);  // nothing: none are kept

// "500M", "2G", "1.5g", "4096": bytes. WrongInput for anything else.
int64_t parse_size(const std::string& text);

}  // namespace attune::cli
