#pragma once
// Whole files, read and written so that any failure is an IoError and never leaves half a file.

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace attune::internal {

// All bytes of a file. IoError, with the path and the system's reason. look(bytes, from) is called
// while it is read, with all bytes so far, of which those at `from` and later are new: it may throw
// and so end the reading of what is no such file, or has no end.
std::string read_file(const std::string& path,
                      const std::function<void(std::string_view bytes, size_t from)>& look = {});

// The bytes of a file, mapped into memory for as long as anybody holds them. IoError; only for
// files in a file system, not for pipes and devices.
std::shared_ptr<const std::string_view> map_file(const std::string& path);

// Where a symbolic link leads, link by link, whether or not there is a file: the path itself if it
// is no link. IoError if links lead in a circle.
std::string link_target(std::string path);

// A file that appears under its name complete or not at all: bytes go to a temporary file in the
// same folder, which commit() syncs to disk and renames. Without commit() it is removed. It takes
// the place and the permissions of the file that `path` names; a link stays, and what it leads to
// is written, even if that does not exist yet.
class AtomicFile {
 public:
  // IoError if the folder takes no new file, or `path` is something else than a file: a folder, or
  // a device such as /dev/null, which must not be replaced.
  explicit AtomicFile(std::string path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  void write(const void* bytes, size_t count);  // IoError, for instance on a full disk
  void commit();

 private:
  [[noreturn]] void fail_with(const char* what) const;

  std::string path_, target_, temporary_;  // as given, where it leads, and until commit()
  int file_ = -1;
};

}  // namespace attune::internal
