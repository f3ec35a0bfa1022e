#include "attune/tune/storages/internal/heartbeat_files.h"

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/crc32c.h"

namespace attune::tune {

HeartbeatFiles::HeartbeatFiles(std::string folder, std::string worker)
    : folder_(std::move(folder)), worker_(std::move(worker)) {}

HeartbeatFiles::~HeartbeatFiles() {
  if (!beaten_) return;
  std::error_code ignored;
  std::filesystem::remove(file_of(worker_), ignored);
  std::filesystem::remove(folder_, ignored);  // if it is empty
}

std::string HeartbeatFiles::file_of(const std::string& worker) const {
  return fmt::format("{}/{:08x}{:08x}", folder_, attune::internal::crc32c(worker),
                     attune::internal::crc32c(worker + "#"));
}

void HeartbeatFiles::beat() {
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  const std::string path = file_of(worker_);
  std::ofstream file(path);
  file << std::chrono::system_clock::now().time_since_epoch().count() << '\n' << worker_ << '\n';
  file.close();
  if (!file) {
    throw StorageError(fmt::format("storage: a sign of life cannot be written to '{}' ({})", path,
                                   std::strerror(errno)));
  }
  beaten_ = true;
}

// Opening a file asks an NFS server anew, which looking at its times does not.
double HeartbeatFiles::silence(const std::string& worker) {
  const auto now = std::chrono::steady_clock::now();
  std::ifstream file(file_of(worker));
  std::string beat((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  Heard& heard = heard_.try_emplace(worker, Heard{beat, now}).first->second;
  if (heard.beat != beat) heard = {std::move(beat), now};
  return std::chrono::duration<double>(now - heard.since).count();
}

}  // namespace attune::tune
