#include "attune/tune/internal/export_folder.h"

#include <unistd.h>

#include <fstream>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/check.h"
#include "attune/base/internal/text.h"

namespace attune::tune::internal {

namespace fs = std::filesystem;

std::string file_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '_' || c == '-' || c == '.' || c == ' ';
    name += plain ? c : '_';
  }
  const bool hidden = name.empty() || name.front() == '.';
  return hidden ? "_" + name : name.substr(0, 200);
}

ExportFolder::ExportFolder(const std::string& to, std::string_view name)
    : path_(fs::path(to) / file_name(name)) {
  std::error_code error;
  if (fs::exists(fs::symlink_status(path_, error))) {
    throw IoError(fmt::format("{} is there already; remove it, or name another folder",
                              in_quotes(path_.string())));
  }
  unfinished_ = path_;
  unfinished_ += fmt::format(".unfinished-{}", ::getpid());
  fs::remove_all(unfinished_, error);
  fs::create_directories(unfinished_, error);
  if (error) {
    throw IoError(
        fmt::format("cannot make {}: {}", in_quotes(unfinished_.string()), error.message()));
  }
}

ExportFolder::~ExportFolder() {
  std::error_code ignored;
  if (!unfinished_.empty()) fs::remove_all(unfinished_, ignored);
}

void ExportFolder::make(const std::string& folder) const {
  std::error_code error;
  fs::create_directories(unfinished_ / folder, error);
  if (error) {
    throw IoError(fmt::format("cannot make {}: {}", in_quotes(folder), error.message()));
  }
}

void ExportFolder::write(const std::string& file, std::string_view bytes) const {
  make(fs::path(file).parent_path().string());
  std::ofstream out(unfinished_ / file, std::ios::binary);
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out) throw IoError(fmt::format("cannot write {}", in_quotes((path_ / file).string())));
}

void ExportFolder::commit() {
  std::error_code error;
  fs::rename(unfinished_, path_, error);
  if (error) {
    throw IoError(fmt::format("cannot make {}: {}", in_quotes(path_.string()), error.message()));
  }
  unfinished_.clear();
}

}  // namespace attune::tune::internal
