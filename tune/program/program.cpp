#include "attune/tune/program/program.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <numeric>
#include <system_error>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/internal/json.h"
#include "attune/tune/program/command_template.h"
#include "attune/tune/program/internal/program_run.h"
#include "attune/tune/storage.h"

namespace attune::tune {
namespace {

// Some thirty years: beyond it a clock would overflow.
constexpr std::chrono::duration<double> kLongest{1e9};

constexpr char kOutput[] = "output.txt";
constexpr const char* kOwnNames[] = {"trial", "seed", "dir", "repeat"};

std::vector<std::string> names_of(const Space& space) {
  std::vector<std::string> names;
  for (const Param& param : space.params()) {
    for (const char* own : kOwnNames) {
      if (param.name == own) {
        throw ValueError(fmt::format("program: a parameter cannot be called '{}'", own));
      }
    }
    names.push_back(param.name);
  }
  names.insert(names.end(), std::begin(kOwnNames), std::end(kOwnNames));
  return names;
}

std::string text_of(const ParamValue& value) {
  const auto* text = std::get_if<std::string>(&value.variant());
  return text ? *text : json::text(value);
}

double reduced(std::vector<double> values, Reduce how) {
  switch (how) {
    case Reduce::min: return *std::min_element(values.begin(), values.end());
    case Reduce::max: return *std::max_element(values.begin(), values.end());
    case Reduce::mean:
      return std::accumulate(values.begin(), values.end(), 0.0) /
             static_cast<double>(values.size());
    case Reduce::median: break;
  }
  std::sort(values.begin(), values.end());
  const size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : values[half - 1] / 2 + values[half] / 2;
}

std::string encoded(std::string_view name) {
  std::string all;
  for (const char c : name) {
    const bool plain = std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '-' ||
                       (c == '.' && !all.empty());
    all += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<unsigned char>(c));
  }
  return all;
}

// What a trial of a deleted study of this name left there is removed, and nothing else ever is.
void make_folder(const std::string& folder, bool resumed) {
  namespace fs = std::filesystem;
  std::error_code error;
  if (!resumed && fs::is_directory(folder, error) && !fs::is_empty(folder, error)) {
    if (!fs::exists(folder + '/' + kOutput, error)) {
      throw IoError(fmt::format(
          "program: the folder {} is not empty, and no trial of attune's made it; name another "
          "folder for the trials",
          shown_path(folder)));
    }
    fs::remove_all(folder, error);
  }
  fs::create_directories(folder, error);
  if (error) {
    throw IoError(fmt::format("program: the folder {} cannot be made: {}", shown_path(folder),
                              error.message()));
  }
}

}  // namespace

Reduce reduce_by_name(std::string_view name) {
  if (name == "mean") return Reduce::mean;
  if (name == "median") return Reduce::median;
  if (name == "min") return Reduce::min;
  if (name == "max") return Reduce::max;
  throw ValueError(
      fmt::format("unknown reduction {}; there are mean, median, min, max", in_quotes(name)));
}

struct Program::Inside {
  explicit Inside(ProgramOptions given)
      : options(std::move(given)), command(options.command, names_of(options.space)) {}

  ProgramOptions options;
  CommandTemplate command;
  internal::ProcessGuard guard = {};
};

Program::Program(ProgramOptions options) {
  if (options.repeats < 1) {
    throw ValueError(fmt::format("program: repeats must be 1 or more, not {}", options.repeats));
  }
  if (options.objectives < 1) throw ValueError("program: there must be an objective");
  const auto check_time = [](const char* what, double seconds, bool positive) {
    if (positive ? seconds > 0 : seconds >= 0) return;
    throw ValueError(fmt::format("program: {} must be {} 0, not {}", what,
                                 positive ? "more than" : "at least", seconds));
  };
  check_time("grace", options.grace.count(), false);
  if (options.trial_timeout) check_time("trial_timeout", options.trial_timeout->count(), true);
  auto inside = std::make_shared<Inside>(std::move(options));
  internal::find_program(inside->command.words().front());
  inside_ = std::move(inside);
}

Outcome Program::operator()(Trial& trial) const {
  const ProgramOptions& o = inside_->options;
  const Params params = trial.suggest(o.space);
  const std::string folder = std::filesystem::absolute(trial_folder(o.folder, trial.number()));
  make_folder(folder, trial.resumed());
  internal::ProgramRun::Limits limits{.memory = o.memory, .grace = std::min(o.grace, kLongest)};
  if (o.trial_timeout) {
    limits.deadline = internal::ProgramRun::Clock::now() +
                      std::chrono::duration_cast<internal::ProgramRun::Clock::duration>(
                          std::min(*o.trial_timeout, kLongest));
    limits.timeout = o.trial_timeout->count();
  }
  Rng seeds = trial.rng("program");
  std::vector<std::vector<double>> values(o.objectives);
  ProgramEnd end;
  for (int64_t repeat = 0; repeat < o.repeats; ++repeat) {
    const std::string seed = fmt::format("{}", seeds.below(int64_t{1} << 31));
    const std::string number = fmt::format("{}", trial.number());
    CommandTemplate::Values places;
    for (const auto& [name, value] : params) places.emplace_back(name, text_of(value));
    const std::string turn = fmt::format("{}", repeat);
    places.insert(places.end(),
                  {{"trial", number}, {"seed", seed}, {"dir", folder}, {"repeat", turn}});
    const internal::ChildProcess::Environment environment{{"ATTUNE_TRIAL", number},
                                                          {"ATTUNE_SEED", seed},
                                                          {"ATTUNE_DIR", folder},
                                                          {"ATTUNE_REPEAT", turn},
                                                          {"ATTUNE_PARAMS", json::strict(params)}};
    internal::ProgramRun run(inside_->guard, inside_->command.filled(places), environment,
                             trial_output(o.folder, trial.number()), o.objectives);
    // Only the first run reports: a step has one value.
    if (std::optional<Outcome> ended = run.run(limits, repeat == 0 ? &trial : nullptr)) {
      return *ended;
    }
    end = run.end();
    if (end.outcome.state() != State::complete) break;
    for (size_t i = 0; i < o.objectives; ++i) values[i].push_back(end.outcome.values()[i]);
  }
  for (const auto& [name, text] : end.user) trial.set_attribute_json(name, text);
  for (const auto& [name, value] : end.constraints) {
    name.empty() ? trial.set_constraint(value) : trial.set_constraint(name, value);
  }
  if (end.outcome.state() != State::complete || o.repeats == 1) return end.outcome;
  std::vector<double> all;
  for (const std::vector<double>& each : values) all.push_back(reduced(each, o.reduce));
  std::string kept;
  for (const double value : values.front())
    kept += (kept.empty() ? "" : ", ") + json::strict(value);
  trial.set_attribute_json("repeats", "[" + kept + "]");
  return all;
}

std::string trials_folder(std::string_view url, std::string_view study) {
  const std::string path = storage_file(url);
  return (path.empty() ? "attune" : path) + ".trials/" + encoded(study);
}

std::string trial_folder(const std::string& folder, int64_t number) {
  return fmt::format("{}/{}", folder, number);
}

std::string trial_output(const std::string& folder, int64_t number) {
  return trial_folder(folder, number) + '/' + kOutput;
}

}  // namespace attune::tune
