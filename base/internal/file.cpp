#include "attune/base/internal/file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <filesystem>
#include <system_error>

#include "attune/base/internal/check.h"

namespace attune::internal {
namespace {

std::string reason() { return std::generic_category().message(errno); }

class Descriptor {
 public:
  explicit Descriptor(int file) : file_(file) {}
  ~Descriptor() {
    if (file_ >= 0) close(file_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return file_; }

 private:
  int file_;
};

struct Mapping {
  std::string_view bytes;
  ~Mapping() {
    if (!bytes.empty()) munmap(const_cast<char*>(bytes.data()), bytes.size());
  }
};

// Makes the new name itself survive a power cut. Some file systems cannot sync a folder; there it
// does nothing.
void sync_folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const Descriptor file(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (file.get() >= 0) fsync(file.get());
}

}  // namespace

std::string read_file(const std::string& path,
                      const std::function<void(std::string_view, size_t)>& look) {
  constexpr size_t kBlock = size_t{1} << 22;
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  check<IoError>(file.get() >= 0, "{}: cannot be opened: {}", path, reason());
  struct stat info {};
  check<IoError>(fstat(file.get(), &info) == 0, "{}: cannot be read: {}", path, reason());
  check<IoError>(!S_ISDIR(info.st_mode), "{}: is a folder, not a file", path);
  std::string bytes;
  bytes.resize(static_cast<size_t>(std::max<off_t>(info.st_size, 0)));
  // A pipe reports size 0, and a file may grow while it is read: read until nothing is left.
  for (size_t done = 0;;) {
    if (done == bytes.size()) bytes.resize(bytes.size() + 4096);
    const size_t room = std::min(bytes.size() - done, kBlock);
    const ssize_t got = read(file.get(), bytes.data() + done, room);
    if (got < 0 && errno == EINTR) continue;
    check<IoError>(got >= 0, "{}: cannot be read beyond byte {}: {}", path, done, reason());
    if (got == 0) {
      bytes.resize(done);
      return bytes;
    }
    done += static_cast<size_t>(got);
    if (look) look(std::string_view(bytes.data(), done), done - static_cast<size_t>(got));
  }
}

std::shared_ptr<const std::string_view> map_file(const std::string& path) {
  const Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  check<IoError>(file.get() >= 0, "{}: cannot be opened: {}", path, reason());
  struct stat info {};
  check<IoError>(fstat(file.get(), &info) == 0, "{}: cannot be read: {}", path, reason());
  check<IoError>(S_ISREG(info.st_mode), "{}: cannot be mapped: it is not a file", path);
  const auto size = static_cast<size_t>(info.st_size);
  const auto mapping = std::make_shared<Mapping>();  // before there is something to unmap
  if (size == 0) return {mapping, &mapping->bytes};
  void* const bytes = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
  check<IoError>(bytes != MAP_FAILED, "{}: cannot be mapped: {}", path, reason());
  mapping->bytes = {static_cast<const char*>(bytes), size};
  return {mapping, &mapping->bytes};
}

std::string link_target(std::string path) {
  constexpr int kMostLinks = 40;  // as Linux has it
  const std::string given = path;
  std::error_code error;
  for (int links = 0; std::filesystem::is_symlink(path, error); ++links) {
    check<IoError>(links < kMostLinks, "{}: its links lead in a circle", given);
    const std::filesystem::path next = std::filesystem::read_symlink(path, error);
    if (error) break;
    path = (std::filesystem::path(path).parent_path() / next).string();
  }
  return path;
}

AtomicFile::AtomicFile(std::string path) : path_(std::move(path)), target_(link_target(path_)) {
  struct stat old {};
  const bool replaces = stat(path_.c_str(), &old) == 0;
  check<IoError>(!replaces || S_ISREG(old.st_mode), "{}: cannot be written: it is not a file",
                 path_);
  static std::atomic<uint64_t> number{0};
  do {
    temporary_ = fmt::format("{}.{}-{}.tmp", target_, getpid(), number.fetch_add(1));
    file_ = open(temporary_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  } while (file_ < 0 && errno == EEXIST);
  if (file_ < 0) {
    const int error = errno;
    temporary_.clear();
    errno = error;
    fail_with("cannot be written");
  }
  if (replaces) static_cast<void>(fchmod(file_, old.st_mode & 07777));  // where there are modes
}

AtomicFile::~AtomicFile() {
  if (file_ >= 0) close(file_);
  if (!temporary_.empty()) unlink(temporary_.c_str());
}

void AtomicFile::fail_with(const char* what) const {
  fail<IoError>("{}: {}: {}", path_, what, reason());
}

void AtomicFile::write(const void* bytes, size_t count) {
  const char* from = static_cast<const char*>(bytes);
  while (count > 0) {
    const ssize_t put = ::write(file_, from, count);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) fail_with("cannot be written");
    from += put;
    count -= static_cast<size_t>(put);
  }
}

void AtomicFile::commit() {
  if (fsync(file_) != 0) fail_with("cannot be written to disk");
  const int closed = close(std::exchange(file_, -1));
  if (closed != 0) fail_with("cannot be written to disk");
  if (rename(temporary_.c_str(), target_.c_str()) != 0) fail_with("cannot be replaced");
  temporary_.clear();
  sync_folder_of(target_);
}

}  // namespace attune::internal
