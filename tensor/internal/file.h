#pragma once
// Whole files, read and written so that any failure is an IoError and never leaves half a file.

#include <cstddef>
#include <string>

namespace attune::internal {

// All bytes of a file. IoError, with the path and the system's reason.
std::string read_file(const std::string& path);

// A file that appears under its name complete or not at all: bytes go to a temporary file in the
// same folder, which commit() syncs to disk and renames. Without commit() it is removed.
class AtomicFile {
 public:
  explicit AtomicFile(std::string path);  // IoError if the folder takes no new file
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, size_t count);  // IoError, for instance on a full disk
  void commit();

 private:
  [[noreturn]] void fail_with(const char* what) const;

  std::string path_, temporary_;
  int file_ = -1;
};

}  // namespace attune::internal
