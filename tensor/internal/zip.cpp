#include "attune/tensor/internal/zip.h"

#include <algorithm>
#include <cstring>
#include <set>

#include "attune/base/internal/text.h"
#include "attune/tensor/internal/check.h"
#include "attune/tensor/internal/deflate.h"

namespace attune::internal {
namespace {

constexpr uint32_t kLocal = 0x04034b50, kDirectory = 0x02014b50, kEnd = 0x06054b50;
constexpr uint32_t kEnd64 = 0x06064b50, kLocator64 = 0x07064b50;
constexpr size_t kLocalSize = 30, kDirectorySize = 46, kEndSize = 22;
constexpr size_t kEnd64Size = 56, kLocatorSize = 20;
constexpr uint64_t kMax16 = 0xFFFF, kMax32 = 0xFFFFFFFF;
constexpr uint64_t kExtra64 = 1;  // the id of the extra field with sizes of 64 bits
constexpr uint64_t kStored = 0, kDeflated = 8, kEncrypted = 1;

class Reader {
 public:
  Reader(std::string_view archive, const std::string& where) : all_(archive), where_(where) {}

  std::vector<ZipEntry> read() {
    uint64_t count = 0, size = 0, begin = 0;
    find_directory(count, size, begin);
    require(begin <= all_.size() && size <= all_.size() - begin, "its directory is cut off");
    require(count <= size / kDirectorySize, "its directory is too short for its {} entries", count);
    std::vector<ZipEntry> entries;
    std::vector<std::pair<uint64_t, uint64_t>> spans;  // of local headers and data
    std::set<std::string> names;
    for (uint64_t i = 0, at = begin; i < count; ++i) entries.push_back(entry(at, begin, spans));
    for (const ZipEntry& e : entries) {
      require(names.insert(e.name).second, "{} is in it twice", in_quotes(e.name));
    }
    std::ranges::sort(spans);
    for (size_t i = 1; i < spans.size(); ++i) {
      require(spans[i].first >= spans[i - 1].second, "two of its entries overlap");
    }
    return entries;
  }

 private:
  template <class... Args>
  void require(bool fine, fmt::format_string<Args...> why, Args&&... args) const {
    if (!fine) {
      fail<IoError>("{}: not a ZIP archive that can be read: {}", where_,
                    fmt::format(why, std::forward<Args>(args)...));
    }
  }

  // A little-endian number of so many bytes.
  uint64_t number(uint64_t at, size_t bytes) const {
    require(at <= all_.size() && bytes <= all_.size() - at, "it is cut off at byte {}",
            all_.size());
    uint64_t n = 0;
    for (size_t i = 0; i < bytes; ++i) {
      n |= uint64_t{static_cast<uint8_t>(all_[static_cast<size_t>(at) + i])} << (8 * i);
    }
    return n;
  }

  void find_directory(uint64_t& count, uint64_t& size, uint64_t& begin) const {
    require(all_.size() >= kEndSize, "it is too short");
    size_t at = all_.size() - kEndSize;  // where the end record begins, unless a comment follows
    const size_t first = at > kMax16 ? at - kMax16 : 0;
    while (number(at, 4) != kEnd || at + kEndSize + number(at + 20, 2) != all_.size()) {
      require(at > first, "its end is missing");
      --at;
    }
    count = number(at + 10, 2), size = number(at + 12, 4), begin = number(at + 16, 4);
    require(number(at + 4, 2) == number(at + 6, 2) && number(at + 8, 2) == count,
            "it is split over several files");
    if (at < kLocatorSize || number(at - kLocatorSize, 4) != kLocator64) return;
    const uint64_t wide = number(at - kLocatorSize + 8, 8);
    require(wide <= all_.size() - kEnd64Size && number(wide, 4) == kEnd64,
            "its 64-bit end is missing");
    count = number(wide + 32, 8), size = number(wide + 40, 8), begin = number(wide + 48, 8);
  }

  ZipEntry entry(uint64_t& at, uint64_t directory,
                 std::vector<std::pair<uint64_t, uint64_t>>& spans) const {
    require(number(at, 4) == kDirectory, "its directory is damaged");
    const uint64_t flags = number(at + 8, 2), method = number(at + 10, 2);
    const uint64_t name_size = number(at + 28, 2), extra_size = number(at + 30, 2);
    uint64_t packed = number(at + 20, 4), size = number(at + 24, 4), local = number(at + 42, 4);
    ZipEntry e;
    e.crc = static_cast<uint32_t>(number(at + 16, 4));
    e.name = text(at + kDirectorySize, name_size);
    wide_numbers(at + kDirectorySize + name_size, extra_size, {&size, &packed, &local});
    at += kDirectorySize + name_size + extra_size + number(at + 32, 2);
    require((flags & kEncrypted) == 0, "{} is encrypted", in_quotes(e.name));
    require(method == kStored || method == kDeflated, "{} is compressed by method {}",
            in_quotes(e.name), method);
    require(local <= all_.size() && number(local, 4) == kLocal, "the entry {} is missing",
            in_quotes(e.name));
    const uint64_t data = local + kLocalSize + number(local + 26, 2) + number(local + 28, 2);
    require(data <= directory && packed <= directory - data, "the entry {} is cut off",
            in_quotes(e.name));
    e.size = size;
    e.deflated = method == kDeflated;
    e.stored = all_.substr(static_cast<size_t>(data), static_cast<size_t>(packed));
    require(e.deflated || packed == size, "the sizes of {} differ", in_quotes(e.name));
    spans.emplace_back(local, data + packed);
    return e;
  }

  std::string text(uint64_t at, uint64_t size) const {
    require(at <= all_.size() && size <= all_.size() - at, "it is cut off at byte {}", all_.size());
    return std::string(all_.substr(static_cast<size_t>(at), static_cast<size_t>(size)));
  }

  // Those of the numbers that do not fit into 32 bits stand in an extra field.
  void wide_numbers(uint64_t at, uint64_t size, std::initializer_list<uint64_t*> numbers) const {
    const uint64_t end = at + size;
    while (at + 4 <= end) {
      const uint64_t id = number(at, 2), field_end = at + 4 + number(at + 2, 2);
      at += 4;
      if (id == kExtra64 && field_end <= end) {
        for (uint64_t* n : numbers) {
          if (*n != kMax32) continue;
          require(at + 8 <= field_end, "a size is missing");
          *n = number(at, 8);
          at += 8;
        }
        return;
      }
      at = field_end;
    }
  }

  std::string_view all_;
  const std::string& where_;
};

void put(std::string& out, uint64_t n, int bytes) {
  for (int i = 0; i < bytes; ++i) out += static_cast<char>(n >> (8 * i) & 255);
}

}  // namespace

std::vector<ZipEntry> zip_entries(std::string_view archive, const std::string& where) {
  return Reader(archive, where).read();
}

std::string_view zip_bytes(const ZipEntry& entry, std::string& buffer, const std::string& where) {
  std::string_view bytes = entry.stored;
  if (entry.deflated) bytes = buffer = inflate(entry.stored, entry.size, where);
  check<IoError>(crc32(bytes) == entry.crc, "{}: damaged: its checksum does not fit", where);
  return bytes;
}

void ZipWriter::write(std::string_view bytes) {
  file_.write(bytes.data(), bytes.size());
  offset_ += bytes.size();
}

void ZipWriter::add(const std::string& name, std::string_view head, std::string_view body) {
  const uint32_t crc = crc32(body, crc32(head));
  const uint64_t size = head.size() + body.size(), begin = offset_;
  std::string packed;
  if (deflated_) packed = deflate(std::string(head).append(body));
  const uint64_t held = deflated_ ? packed.size() : size;
  const bool wide = size >= kMax32 || held >= kMax32 || begin >= kMax32;
  std::string extra;
  if (wide) {
    put(extra, kExtra64, 2), put(extra, 24, 2);
    put(extra, size, 8), put(extra, held, 8), put(extra, begin, 8);
  }
  std::string common;  // what both headers have
  put(common, wide ? 45 : 20, 2);
  put(common, 0x800, 2);  // the name is UTF-8
  put(common, deflated_ ? kDeflated : kStored, 2);
  put(common, 0x00210000, 4);  // no time: the first of January 1980
  put(common, crc, 4);
  put(common, wide ? kMax32 : held, 4), put(common, wide ? kMax32 : size, 4);
  put(common, name.size(), 2), put(common, extra.size(), 2);

  std::string local;
  put(local, kLocal, 4);
  write(local + common + name + extra);
  if (deflated_) {
    write(packed);
  } else {
    write(head), write(body);
  }
  put(directory_, kDirectory, 4), put(directory_, wide ? 45 : 20, 2);
  directory_ += common;
  put(directory_, 0, 2), put(directory_, 0, 2), put(directory_, 0, 2);  // comment, disk, kind
  put(directory_, 0, 4);                                                // attributes
  put(directory_, wide ? kMax32 : begin, 4);
  directory_ += name + extra;
  ++count_;
}

void ZipWriter::finish() {
  const uint64_t begin = offset_, size = directory_.size();
  std::string end;
  if (begin >= kMax32 || size >= kMax32 || count_ >= kMax16) {
    put(end, kEnd64, 4), put(end, kEnd64Size - 12, 8), put(end, 45, 2), put(end, 45, 2);
    put(end, 0, 4), put(end, 0, 4), put(end, count_, 8), put(end, count_, 8);
    put(end, size, 8), put(end, begin, 8);
    put(end, kLocator64, 4), put(end, 0, 4), put(end, begin + size, 8), put(end, 1, 4);
  }
  put(end, kEnd, 4), put(end, 0, 2), put(end, 0, 2);
  put(end, std::min(count_, kMax16), 2), put(end, std::min(count_, kMax16), 2);
  put(end, std::min(size, kMax32), 4), put(end, std::min(begin, kMax32), 4), put(end, 0, 2);
  write(directory_), write(end);
}

}  // namespace attune::internal
