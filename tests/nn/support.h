#pragma once
// What the tests of modules share.

#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "attune/base/error.h"
#include "attune/tensor/io/safetensors.h"

namespace attune::support {

inline std::vector<std::string> names(const NamedTensors& tensors) {
  std::vector<std::string> all;
  for (const auto& [name, x] : tensors) all.push_back(name);
  return all;
}

inline bool same(const Tensor& a, const Tensor& b) {
  return a.dtype() == b.dtype() && a.shape() == b.shape() && a.eq(b).all().item<bool>();
}

// What the exception thrown by f says; "" if it throws none.
template <class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

inline bool has(const std::string& text, const char* part) {
  return text.find(part) != std::string::npos;
}

struct TemporaryFile {
  std::string path;
  explicit TemporaryFile(const char* name)
      : path((std::filesystem::temp_directory_path() / name).string()) {}
  ~TemporaryFile() { std::remove(path.c_str()); }
};

}  // namespace attune::support
