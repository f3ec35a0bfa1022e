#pragma once
// What the subcommands share: their common options, how they answer, and their exit codes. Each
// subcommand parses its arguments and calls a public function of the library.

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "attune/tune/study.h"

namespace attune::cli {

enum Exit : int { kFine = 0, kFailed = 1, kWrongInput = 2, kInterrupted = 130 };

// The user's mistake: one line on stderr and exit 2.
struct WrongInput : std::runtime_error {
  using std::runtime_error::runtime_error;
};
// Work that could not be done though the input was right: exit 1.
struct WorkFailed : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Common {
  std::string storage = {};
  std::string study = {};
  uint64_t seed = 0;
  int jobs = 1;
  bool json = false, quiet = false;

  // --storage, else ATTUNE_STORAGE, else `otherwise`.
  std::string storage_or(const std::string& otherwise) const;
};
inline constexpr char kDefaultStorage[] = "sqlite:///attune.db";

using Json = nlohmann::ordered_json;
using Run = std::function<int()>;  // gives the exit code

// Which of the common options a subcommand has.
void add_storage(CLI::App& command, Common& common);
void add_study(CLI::App& command, Common& common);
void add_seed(CLI::App& command, Common& common);
void add_jobs(CLI::App& command, Common& common);
void add_json(CLI::App& command, Common& common);
void add_quiet(CLI::App& command, Common& common);

// Writes to stdout and sees that it arrives. WorkFailed when it cannot; a reader that has gone is
// no news to anybody, and ends the program quietly.
void answer(const std::string& text);
void answer(const Json& document);
// One line on stderr, unless --quiet.
void note(const Common& common, const std::string& text);

Json json_of(const tune::ParamValue& value);
Json json_of(const tune::Params& params);

// "90", "90s", "5m", "1.5h", "500ms". WrongInput for anything else.
std::chrono::duration<double> parse_duration(const std::string& text);

// A storage that must be there already, and a study in it: WrongInput otherwise. An empty name
// means the only study there is.
std::shared_ptr<tune::Storage> open_for_reading(const Common& common);
tune::Study open_study(const Common& common, const std::string& name);

// The subcommands. Each sets `run` when it is the one that was called.
void add_fit(CLI::App& app, Run& run);
void add_predict(CLI::App& app, Run& run);
void add_ask_tell(CLI::App& app, Run& run);
void add_studies(CLI::App& app, Run& run);
void add_trials(CLI::App& app, Run& run);
void add_best(CLI::App& app, Run& run);
void add_importance(CLI::App& app, Run& run);
void add_replay(CLI::App& app, Run& run);

}  // namespace attune::cli
