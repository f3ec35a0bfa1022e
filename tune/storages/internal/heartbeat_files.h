#pragma once
// Signs of life by which the processes of several machines know of each other: a file for each in a
// folder beside the storage, which changes while its process lives.

#include <chrono>
#include <map>
#include <string>

namespace attune::tune {

class HeartbeatFiles {
 public:
  HeartbeatFiles(std::string folder, std::string worker);
  ~HeartbeatFiles();  // removes this process's own
  HeartbeatFiles(const HeartbeatFiles&) = delete;
  HeartbeatFiles& operator=(const HeartbeatFiles&) = delete;

  void beat();  // StorageError

  // For how many seconds the worker's file has not changed, by this process's clock, from when it
  // was first asked for.
  double silence(const std::string& worker);

 private:
  std::string file_of(const std::string& worker) const;

  std::string folder_, worker_;
  bool beaten_ = false;
  struct Heard {
    std::string beat = {};
    std::chrono::steady_clock::time_point since = {};
  };
  std::map<std::string, Heard> heard_;
};

}  // namespace attune::tune
