#pragma once
// The bytes of a journal. The file is opened anew for each reading and each writing: on NFS only
// that shows what other machines have written.

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "attune/tune/storages/internal/journal_lock.h"

namespace attune::tune::journal {

class File {
 public:
  explicit File(std::string path) : path_(std::move(path)) {}

  const std::string& path() const { return path_; }
  bool exists() const;
  void make();              // an empty one, unless there is one
  void check_kind() const;  // StorageError when it is another kind of file

  // take(bytes) says how many bytes at the front it has used; the others come again, with more
  // behind them, as long as there are any.
  using Take = std::function<size_t(std::string_view bytes)>;
  void read(int64_t from, const Take& take);

  // Writing: holds the lock.
  class Writer {
   public:
    Writer(File& file, const std::string& me, const Patience& patience);  // me: this_worker()
    ~Writer();
    Writer(const Writer&) = delete;
    Writer& operator=(const Writer&) = delete;

    void read(int64_t from, const Take& take) { file_.read(descriptor_, from, take); }
    // Takes away what lies behind `end`, which nobody has been told to be kept. The bytes are kept
    // in a file beside the journal, and that they are is one of the remarks.
    void cut(int64_t end);
    // All or nothing, behind `end`, where the file ends. Lets go of the lock; `durable`: returns
    // once the bytes are on the disk.
    void append(int64_t end, std::string_view bytes, bool durable);

   private:
    void take_back(int64_t end) const;

    File& file_;
    int descriptor_;
    std::unique_ptr<Lock> lock_;
  };

  std::vector<std::string> remarks() const;

 private:
  int open(int flags);
  void read(int descriptor, int64_t from, const Take& take) const;
  [[noreturn]] void fail(const char* what) const;  // with errno
  std::string cut_path() const { return path_ + ".cut"; }

  std::string path_;
  dev_t device_ = 0;
  ino_t inode_ = 0;  // 0: not opened yet
};

}  // namespace attune::tune::journal
