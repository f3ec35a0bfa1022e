#pragma once
// What the subcommands share: their common options, how they print results, and their exit codes.
// Each subcommand declares its arguments and calls a public function of the library.

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>

#include "attune/tune/internal/document.h"
#include "attune/tune/study.h"
#include "cli/arguments.h"

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
  std::optional<uint64_t> seed = {};
  int jobs = 1;
  bool json = false, quiet = false, plain = false;

  // --storage, else ATTUNE_STORAGE, else `otherwise`.
  std::string storage_or(const std::string& otherwise) const;
};
inline constexpr char kDefaultStorage[] = "sqlite:///attune.db";

using Json = tune::Document;

// The common options; a subcommand declares those that it has.
void storage_option(Options& options, Common& common);
void study_option(Options& options, Common& common);
void seed_option(Options& options, Common& common);
void jobs_option(Options& options, Common& common);
void json_option(Options& options, Common& common);
void quiet_option(Options& options, Common& common);
void plain_option(Options& options, Common& common);

// Writes to stdout and checks that it arrived (see write_answer).
void answer(const std::string& text);
void answer(const Json& document);
// One line on stderr, unless --quiet.
void note(const Common& common, const std::string& text);

// "lr = 0.01234, width = 64": four digits are enough to look at; the study keeps the rest.
std::string short_text(const tune::Params& params);
Json json_of(const tune::ParamValue& value);
Json json_of(const tune::Params& params);

// "90", "90s", "5m", "1.5h", "500ms". WrongInput for anything else.
std::chrono::duration<double> parse_duration(const std::string& text);

// Before a study is made in it: WrongInput if there can be no storage at `url`, or another file is
// there. Makes nothing.
void check_storage(const std::string& url);
// A storage that must be there already, and a study in it: WrongInput otherwise. An empty name
// means the only study there is.
std::shared_ptr<tune::Storage> open_for_reading(const Common& common);
tune::Study open_study(const Common& common, const std::string& name);

// The number of one of the study's trials; WrongInput, naming the argument, if there is none.
int64_t trial_number(const std::string& argument, const std::string& text,
                     const tune::Study& study);

// Add the subcommands.
void add_fit(CommandLine& commands);
void add_predict(CommandLine& commands);
void add_ask_tell(CommandLine& commands);
void add_studies(CommandLine& commands);
void add_trials(CommandLine& commands);
void add_best(CommandLine& commands);
void add_importance(CommandLine& commands);
void add_replay(CommandLine& commands);
void add_report(CommandLine& commands);
void add_serve(CommandLine& commands);
void add_tune(CommandLine& commands);
void add_worker(CommandLine& commands);
void add_log(CommandLine& commands);
void add_export(CommandLine& commands);
void add_copy(CommandLine& commands);
void add_delete(CommandLine& commands);
void add_enqueue(CommandLine& commands);
void add_ask(CommandLine& commands);
void add_tell(CommandLine& commands);
void add_doctor(CommandLine& commands);
void add_man(CommandLine& commands);
void add_completion(CommandLine& commands);

}  // namespace attune::cli
