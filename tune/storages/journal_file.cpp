#include "attune/tune/storages/internal/journal_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/tune/storages/internal/beside.h"
#include "attune/tune/storages/internal/optuna_text.h"

namespace attune::tune::journal {
namespace {

constexpr size_t kPiece = 4 << 20;  // bytes read or written at a time
constexpr std::string_view kHeading = "== ";

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() { close(number_); }
  operator int() const { return number_; }

 private:
  int number_;
};

bool write_all(int file, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(file, bytes.data(), std::min(bytes.size(), kPiece));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return false;
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return true;
}

// The name of a new file is in its folder, which is on the disk by itself.
void sync_folder(const std::string& path) {
  std::error_code error;
  const auto folder = std::filesystem::absolute(path, error).parent_path();
  const int opened = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (opened < 0) return;
  fsync(opened);
  close(opened);
}

}  // namespace

void File::fail(const char* what) const {
  const int code = errno;
  if (code == ENOSPC || code == EDQUOT) what = "the disk is full; what was told before is kept";
  if (code == EACCES || code == EPERM || code == EROFS) {
    what = "it cannot be written: the file or its folder is read-only";
  }
  throw StorageError(fmt::format("storage '{}': {} ({})", path_, what, std::strerror(code)));
}

bool File::exists() const {
  std::error_code error;
  return std::filesystem::exists(path_, error);
}

void File::make() {
  check_folder(path_);
  const int made = ::open(path_.c_str(), O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0666);
  if (made < 0) {
    if (errno == EEXIST) return;
    fail("it cannot be made");
  }
  close(made);
  sync_folder(path_);
}

// What is no journal must not be taken for one whose end is torn.
void File::check_kind() const {
  constexpr std::string_view kBeginning = "{\"op_code\"";
  std::string beginning(kBeginning.size(), '\0');
  std::ifstream file(path_, std::ios::binary);
  file.read(beginning.data(), static_cast<std::streamsize>(beginning.size()));
  beginning.resize(static_cast<size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (kBeginning.starts_with(beginning)) return;
  throw StorageError(fmt::format("storage '{}': it is not a journal", path_));
}

int File::open(int flags) {
  const int opened = ::open(path_.c_str(), flags | O_CLOEXEC);
  if (opened < 0) {
    if (errno == ENOENT && inode_ == 0) {
      check_folder(path_);
      throw StorageError(fmt::format("storage '{}': there is no such file", path_));
    }
    if (errno != ENOENT) {
      fail(errno == EMFILE || errno == ENFILE ? "it cannot be opened: too many files are open"
                                              : "it cannot be opened");
    }
  }
  struct stat now {};
  if (opened >= 0 && fstat(opened, &now) == 0) {
    if (!S_ISREG(now.st_mode)) {
      close(opened);
      throw StorageError(fmt::format("storage '{}': it is not a file", path_));
    }
    if (inode_ == 0) device_ = now.st_dev, inode_ = now.st_ino;
    if (device_ == now.st_dev && inode_ == now.st_ino) return opened;
  }
  if (opened >= 0) close(opened);
  throw StorageError(
      fmt::format("storage '{}': the file has been deleted, moved or replaced while the study was "
                  "open; what is told now would be lost",
                  path_));
}

void File::read(int64_t from, const Take& take) {
  const Descriptor file(open(O_RDONLY));
  read(file, from, take);
}

void File::read(int descriptor, int64_t from, const Take& take) const {
  struct stat now {};
  if (fstat(descriptor, &now) != 0) fail("it cannot be read");
  if (now.st_size < from) {
    throw StorageError(fmt::format(
        "storage '{}': it is shorter than it was: another program has cut the journal", path_));
  }
  std::string bytes;
  size_t piece = kPiece;
  while (from < now.st_size) {
    const size_t kept = bytes.size();
    const auto left = static_cast<size_t>(now.st_size - from);
    bytes.resize(kept + std::min(piece, left));
    const ssize_t count = pread(descriptor, bytes.data() + kept, bytes.size() - kept, from);
    if (count < 0 && errno != EINTR) fail("it cannot be read");
    bytes.resize(kept + (count > 0 ? static_cast<size_t>(count) : 0));
    if (count == 0) break;
    if (count < 0) continue;
    from += count;
    const size_t used = take(bytes);
    if (used == 0) piece *= 2;  // an append that is larger than that
    bytes.erase(0, used);
  }
}

File::Writer::Writer(File& file, const std::string& me, const Patience& patience)
    : file_(file), descriptor_(file.open(O_RDWR | O_APPEND)) {
  try {
    lock_ = std::make_unique<Lock>(file_.path_, descriptor_, me, patience);
  } catch (...) {
    close(descriptor_);
    throw;
  }
}

File::Writer::~Writer() {
  lock_.reset();
  close(descriptor_);
}

void File::Writer::cut(int64_t end) {
  struct stat now {};
  if (fstat(descriptor_, &now) != 0) file_.fail("it cannot be read");
  if (now.st_size <= end) return;
  if (end == 0) file_.check_kind();
  const Descriptor kept(
      ::open(file_.cut_path().c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0666));
  if (kept < 0) file_.fail("what is torn at its end cannot be kept in a file beside it");
  const double time =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  bool written =
      write_all(kept, fmt::format("{}{} bytes from byte {} on, at {} UTC\n", kHeading,
                                  now.st_size - end, end, optuna::time_text(time).substr(0, 19)));
  std::string bytes(kPiece, '\0');
  for (int64_t at = end; written && at < now.st_size;) {
    const ssize_t count = pread(descriptor_, bytes.data(), bytes.size(), at);
    if (count <= 0) break;
    written = write_all(kept, std::string_view(bytes.data(), static_cast<size_t>(count)));
    at += count;
  }
  written = written && write_all(kept, "\n") && fsync(kept) == 0;
  if (!written) file_.fail("what is torn at its end cannot be kept in a file beside it");
  if (ftruncate(descriptor_, end) != 0) file_.fail("its torn end cannot be cut");
}

void File::Writer::take_back(int64_t end) const {
  const int code = errno;
  if (ftruncate(descriptor_, end) != 0) {
    // The end is torn then, and cut by the next who writes.
  }
  errno = code;
}

void File::Writer::append(int64_t end, std::string_view bytes, bool durable) {
  if (!lock_->held()) {
    throw StorageError(
        fmt::format("storage '{}': this process was stopped for so long that another program has "
                    "taken its lock; nothing was written",
                    file_.path_));
  }
  for (std::string_view rest = bytes; !rest.empty();) {
    const std::string_view piece = rest.substr(0, kPiece);
    if (!write_all(descriptor_, piece)) {
      take_back(end);
      file_.fail("it cannot be written");
    }
    rest.remove_prefix(piece.size());
    if (!rest.empty()) lock_->renew();
  }
  const auto behind = static_cast<int64_t>(lseek(descriptor_, 0, SEEK_CUR));
  if (behind != end + static_cast<int64_t>(bytes.size())) {
    throw StorageError(fmt::format(
        "storage '{}': another program has written at the same time, past the lock", file_.path_));
  }
  // On NFS others see only what has reached the server.
  const bool remote = on_network(file_.path_);
  if (!remote) lock_.reset();
  if ((durable || remote) && fdatasync(descriptor_) != 0) {
    file_.fail("what was written may not have reached the disk");
  }
  lock_.reset();
}

std::vector<std::string> File::remarks() const {
  std::ifstream file(cut_path(), std::ios::binary);
  std::string line, last;
  int64_t count = 0;
  while (std::getline(file, line)) {
    if (!line.starts_with(kHeading) || line.find(" bytes from byte ") == std::string::npos)
      continue;
    last = line.substr(kHeading.size());
    ++count;
  }
  if (count == 0) return {};
  return {fmt::format(
      "{}: {} was cut off because its writer had died over it: {}. Nothing that had been told is "
      "missing; the bytes are in {}",
      path_, count == 1 ? "a torn end" : fmt::format("{} times a torn end", count), last,
      cut_path())};
}

}  // namespace attune::tune::journal
