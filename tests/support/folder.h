#pragma once
// A folder of a test's own, and files in it.

#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

namespace attune::support {

struct Folder {
  static std::filesystem::path fresh() {
    static std::atomic<int> number{0};
    return std::filesystem::temp_directory_path() /
           ("attune_test_" + std::to_string(getpid()) + "_" + std::to_string(number++));
  }

  const std::filesystem::path path = fresh();
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string file(const std::string& name) const { return (path / name).string(); }
  std::string file(const std::string& name, std::string_view bytes) const {  // with these bytes
    std::ofstream(path / name, std::ios::binary) << bytes;
    return file(name);
  }
};

inline std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace attune::support
