#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"
#include "attune/tune/storage.h"
#include "cli/command.h"
#include "cli/output_file.h"
#include "cli/terminal.h"

namespace attune::cli {

std::string Common::storage_or(const std::string& otherwise) const {
  const char* environment = std::getenv("ATTUNE_STORAGE");
  const std::string url = !storage.empty()                   ? storage
                          : environment && *environment != 0 ? environment
                                                             : otherwise;
  if (!tune::is_storage_url(url)) {
    // A slip of the user's, unlike a storage that cannot be opened.
    throw WrongInput(fmt::format("storage {}: it must be {}", in_quotes(url), tune::kStorageUrls));
  }
  return url;
}

void storage_option(Options& options, Common& common) {
  options.text("--storage", common.storage,
               "Where studies are kept: sqlite:///FILE, journal:///FILE or memory (default: "
               "ATTUNE_STORAGE, else sqlite:///attune.db)");
}
void study_option(Options& options, Common& common) {
  options.text("--study", common.study, "Name of the study");
}
void seed_option(Options& options, Common& common) {
  options.natural("--seed", common.seed, "Seed of everything random (default: 0)");
}
void jobs_option(Options& options, Common& common) {
  options.number("--jobs", common.jobs, "Trials at a time (default: 1)", 1, 1024);
}
void json_option(Options& options, Common& common) {
  options.flag("--json", common.json, "Answer as one JSON document");
}
void quiet_option(Options& options, Common& common) {
  options.flag("--quiet", common.quiet, "Nothing on stderr but errors");
}

void plain_option(Options& options, Common& common) {
  options.flag("--plain", common.plain, "Progress as lines, not as one line that is written over");
}

void answer(const std::string& text) { write_answer(text); }

void answer(const Json& document) {
  // Names and texts of a user's file may be in any encoding; the answer is UTF-8 all the same.
  answer(document.dump_any() + "\n");
}

void note(const Common& common, const std::string& text) {
  if (!common.quiet) error_line(text);
}

std::string short_text(const tune::Params& params) {
  std::string text;
  for (const auto& [name, value] : params) {
    const double* number = std::get_if<double>(&value.variant());
    text += fmt::format("{}{} = {}", text.empty() ? "" : ", ", name,
                        number ? fmt::format("{:.4g}", *number) : value.to_string());
  }
  return text;
}

Json json_of(const tune::ParamValue& value) {
  return std::visit(
      [](const auto& v) -> Json {
        if constexpr (std::is_same_v<std::decay_t<decltype(v)>, std::monostate>) {
          return {};
        } else {
          return v;
        }
      },
      value.variant());
}

Json json_of(const tune::Params& params) {
  Json object = Json::object();
  for (const auto& [name, value] : params) object.set(name, json_of(value));
  return object;
}

std::chrono::duration<double> parse_duration(const std::string& text) {
  char* end = nullptr;
  const double number = std::strtod(text.c_str(), &end);
  const std::string unit = end;
  const double seconds = unit.empty() || unit == "s" ? 1
                         : unit == "ms"              ? 1e-3
                         : unit == "m"               ? 60
                         : unit == "h"               ? 3600
                                                     : 0;
  if (end == text.c_str() || !std::isfinite(number * seconds) || seconds == 0 || number < 0) {
    throw WrongInput(
        fmt::format("a time such as 30s, 5m or 1h is needed, not {}", in_quotes(text)));
  }
  return std::chrono::duration<double>(number * seconds);
}

void check_storage(const std::string& url) {
  const InputFile database = database_of(url);
  std::error_code error;
  const std::filesystem::path path(database.path);
  const bool fresh =
      !path.empty() && !std::filesystem::is_directory(path, error) &&
      (!std::filesystem::exists(path, error) || (std::filesystem::is_regular_file(path, error) &&
                                                 std::filesystem::file_size(path, error) == 0));
  if (!fresh) {
    try {
      tune::open_existing_storage(url);
    } catch (const StorageError& e) {
      throw WrongInput(e.what());
    }
    return;
  }
  const std::filesystem::path folder = std::filesystem::absolute(path, error).parent_path();
  if (!std::filesystem::is_directory(folder, error)) {
    throw WrongInput(fmt::format("storage {}: there is no folder {}", shown_path(url),
                                 shown_path(folder.string())));
  }
}

std::shared_ptr<tune::Storage> open_for_reading(const Common& common) {
  try {
    return tune::open_existing_storage(common.storage_or(kDefaultStorage));
  } catch (const StorageError& e) {
    throw WrongInput(e.what());
  }
}

tune::Study open_study(const Common& common, const std::string& given) {
  const std::shared_ptr<tune::Storage> storage = open_for_reading(common);
  std::string name = given.empty() ? common.study : given;
  std::vector<std::string> names;
  for (const tune::StudyInfo& info : storage->studies()) names.push_back(info.name);
  const std::string where = shown_path(common.storage_or(kDefaultStorage));
  if (names.empty()) throw WrongInput(fmt::format("no study is kept in {}", where));
  if (name.empty() && names.size() == 1) name = names.front();
  if (name.empty()) {
    throw WrongInput(fmt::format("{} studies are kept in {}; name one of {}", names.size(), where,
                                 list_in_quotes(names)));
  }
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    throw WrongInput(fmt::format("no study {} in {}; there is {}", in_quotes(name), where,
                                 list_in_quotes(names)));
  }
  return tune::Study({.name = name, .storage = storage, .read_only = true});
}

int64_t trial_number(const std::string& argument, const std::string& text,
                     const tune::Study& study) {
  if (study.size() == 0) {
    throw WrongInput(fmt::format("study {} has no trial yet", in_quotes(study.name())));
  }
  return whole_number(argument, text, 0, study.size() - 1);
}

}  // namespace attune::cli
