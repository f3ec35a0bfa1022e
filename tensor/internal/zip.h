#pragma once
// ZIP archives (PKWARE's APPNOTE 6.3): stored and deflated entries, also of more than 4 GiB.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "attune/base/internal/file.h"

namespace attune::internal {

struct ZipEntry {
  std::string name;
  uint64_t size = 0;        // uncompressed
  std::string_view stored;  // its bytes in the archive
  bool deflated = false;
  uint32_t crc = 0;
};

// The entries of an archive in memory, in the order of its directory. IoError, after `where`, for
// what is cut off, encrypted, split over several files, compressed in another way, named twice, or
// overlaps.
std::vector<ZipEntry> zip_entries(std::string_view archive, const std::string& where);

// The bytes of an entry: `stored` itself, or decompressed into `buffer`. IoError if they are not
// those that were put in.
std::string_view zip_bytes(const ZipEntry& entry, std::string& buffer, const std::string& where);

class ZipWriter {
 public:
  ZipWriter(AtomicFile& file, bool deflated) : file_(file), deflated_(deflated) {}
  // The bytes of the entry are those of `head`, then those of `body`.
  void add(const std::string& name, std::string_view head, std::string_view body);
  void finish();  // writes the directory

 private:
  void write(std::string_view bytes);

  AtomicFile& file_;
  bool deflated_;
  uint64_t offset_ = 0, count_ = 0;
  std::string directory_;
};

}  // namespace attune::internal
