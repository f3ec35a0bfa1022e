#include "cli/output_file.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <string_view>
#include <system_error>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/file.h"
#include "attune/base/internal/text.h"
#include "attune/tune/storage.h"
#include "cli/command.h"

namespace attune::cli {
namespace {

namespace fs = std::filesystem;

// By device and inode, which symbolic and hard links share. Files that do not exist yet are
// compared by their resolved paths: a database is made before the output is written.
bool same_file(const std::string& a, const std::string& b) {
  struct stat first {
  }, second{};
  const bool one = stat(a.c_str(), &first) == 0, other = stat(b.c_str(), &second) == 0;
  if (one && other) return first.st_dev == second.st_dev && first.st_ino == second.st_ino;
  if (one != other) return false;
  std::error_code error;
  const fs::path left = fs::weakly_canonical(fs::absolute(internal::link_target(a), error), error);
  const fs::path right = fs::weakly_canonical(fs::absolute(internal::link_target(b), error), error);
  return !error && left == right;
}

}  // namespace

bool is_stdout(const std::string& out) {
  constexpr std::array<std::string_view, 5> kNames = {"", "-", "/dev/stdout", "/dev/fd/1",
                                                      "/proc/self/fd/1"};
  for (const std::string_view name : kNames) {
    if (out == name) return true;
  }
  return false;
}

void check_output(const std::string& option, const std::string& out,
                  const std::vector<InputFile>& inputs) {
  const std::string target = internal::link_target(out);
  const fs::path parent = fs::path(target).parent_path();
  const std::string folder = parent.empty() ? "." : parent.string();
  std::error_code error;
  if (fs::is_directory(target, error)) {
    throw WrongInput(fmt::format("{}: {} is a folder", option, shown_path(out)));
  }
  if (!fs::is_directory(folder, error)) {
    throw WrongInput(fmt::format("{}: there is no folder {}", option, shown_path(folder)));
  }
  if (fs::exists(target, error) && !fs::is_regular_file(target, error)) {
    throw WrongInput(
        fmt::format("{}: {} cannot be written: it is not a file", option, shown_path(out)));
  }
  for (const InputFile& input : inputs) {
    if (input.path.empty() || !same_file(out, input.path)) continue;
    throw WrongInput(fmt::format("{}: {} is {}; it would be written over, so name another file",
                                 option, shown_path(out), input.what));
  }
  if (access(folder.c_str(), W_OK) != 0) {
    throw WorkFailed(
        fmt::format("{}: the folder {} is read-only for you", option, shown_path(folder)));
  }
}

InputFile database_of(const std::string& url) {
  return {"the study's database", tune::storage_file(url)};
}

void save_output(const std::function<void()>& write) {
  try {
    write();
  } catch (const IoError& e) {
    throw WorkFailed(e.what());
  }
}

}  // namespace attune::cli
