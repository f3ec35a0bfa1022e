#include "attune/tune/storages/internal/beside.h"

#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>
#include <iterator>

#include <fmt/format.h>

#include "attune/base/error.h"

namespace attune::tune {

std::string checkpoint_folder(const std::string& path, int64_t study_id) {
  const std::string all = path + ".checkpoints";
  return study_id < 0 ? all : fmt::format("{}/study-{}", all, study_id);
}

void remove_checkpoints(const std::string& path, int64_t study_id) {
  std::error_code ignored;
  std::filesystem::remove_all(checkpoint_folder(path, study_id), ignored);
  std::filesystem::remove(checkpoint_folder(path, -1), ignored);  // if it is empty
}

void check_folder(const std::string& path) {
  std::error_code error;
  const auto folder = std::filesystem::absolute(path, error).parent_path();
  if (std::filesystem::is_directory(folder, error)) return;
  throw StorageError(fmt::format("storage '{}': there is no folder '{}'", path, folder.string()));
}

bool on_network(const std::string& path) {
  constexpr int64_t kRemote[] = {0x6969, 0x517B, 0xFF534D42, 0xFE534D42,
                                 0x65735546};  // NFS SMB CIFS SMB2 FUSE
  struct statfs file_system {};
  if (statfs(path.c_str(), &file_system) != 0) return false;
  const auto* end = std::end(kRemote);
  return std::find(std::begin(kRemote), end, int64_t{file_system.f_type}) != end;
}

}  // namespace attune::tune
