#include "attune/tensor/internal/deflate.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>

#include "attune/tensor/internal/check.h"
#ifdef ATTUNE_WITH_ZLIB
#define ZLIB_CONST  // zlib reads what it is given without changing it
#include <zlib.h>
#endif

namespace attune::internal {

#ifdef ATTUNE_WITH_ZLIB
namespace {

constexpr uint64_t kBestRatio = 1032;  // of deflate: a bit for 258 bytes, twice
constexpr size_t kStep = size_t{1} << 20;
constexpr int kRaw = -15, kGzip = 15 + 16;  // window bits

// Feeds zlib, which counts in 32 bits, with as much as it takes at a time.
struct Stream {
  z_stream z{};
  std::string_view rest;

  void feed() {
    if (z.avail_in > 0) return;
    const size_t n = std::min(rest.size(), size_t{1} << 30);
    z.next_in = reinterpret_cast<const Bytef*>(rest.data());
    z.avail_in = static_cast<uInt>(n);
    rest.remove_prefix(n);
  }
  bool empty() const { return z.avail_in == 0 && rest.empty(); }
  // Room for `more` bytes at the end of `out`, of which `done` are filled.
  void room(std::string& out, size_t done, size_t more) {
    out.resize(done + more);
    z.next_out = reinterpret_cast<Bytef*>(out.data()) + done;
    z.avail_out = static_cast<uInt>(more);
  }
};

struct Inflater : Stream {
  Inflater(std::string_view bytes, int bits) {
    rest = bytes;
    check<OutOfMemory>(inflateInit2(&z, bits) == Z_OK, "zlib: the system has no memory left");
  }
  ~Inflater() { inflateEnd(&z); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

// Everything that the stream holds, which may be several gzip members, up to `most` bytes.
std::string inflated(std::string_view bytes, int bits, uint64_t most, const std::string& where) {
  Inflater in(bytes, bits);
  std::string out;
  size_t done = 0;
  for (;;) {
    in.feed();
    in.room(out, done, static_cast<size_t>(std::min<uint64_t>(kStep, most - done + 1)));
    const uInt offered = in.z.avail_out;
    const int status = ::inflate(&in.z, Z_NO_FLUSH);
    done += offered - in.z.avail_out;
    check<IoError>(done <= most, "{}: holds more than the {} bytes it announces or may hold", where,
                   most);
    if (status == Z_STREAM_END) {
      if (bits == kRaw || in.empty()) break;
      inflateReset(&in.z);  // the next member
      continue;
    }
    check<OutOfMemory>(status != Z_MEM_ERROR, "{}: the system has no memory left", where);
    check<IoError>(status == Z_OK || status == Z_BUF_ERROR, "{}: damaged: {}", where,
                   in.z.msg != nullptr ? in.z.msg : "no compressed data");
    check<IoError>(!in.empty() || in.z.avail_out == 0, "{}: the compressed data is cut off", where);
  }
  check<IoError>(in.empty(), "{}: bytes follow the compressed data", where);
  out.erase(done);
  return out;
}

}  // namespace

uint32_t crc32(std::string_view bytes, uint32_t before) {
  return static_cast<uint32_t>(
      ::crc32_z(before, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string deflate(std::string_view bytes) {
  Stream s;
  s.rest = bytes;
  check<OutOfMemory>(
      deflateInit2(&s.z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kRaw, 8, Z_DEFAULT_STRATEGY) == Z_OK,
      "zlib: the system has no memory left");
  struct End {
    z_stream& z;
    ~End() { deflateEnd(&z); }
  } const end{s.z};
  std::string out;
  size_t done = 0;
  for (int status = Z_OK; status != Z_STREAM_END;) {
    s.feed();
    s.room(out, done, kStep);
    status = ::deflate(&s.z, s.rest.empty() ? Z_FINISH : Z_NO_FLUSH);
    done = out.size() - s.z.avail_out;
  }
  out.erase(done);
  return out;
}

std::string inflate(std::string_view stream, uint64_t size, const std::string& where) {
  check<IoError>(size / kBestRatio <= stream.size(),
                 "{}: {} compressed bytes cannot hold the {} announced", where, stream.size(),
                 size);
  std::string out = inflated(stream, kRaw, size, where);
  check<IoError>(out.size() == size, "{}: {} bytes are announced, it holds {}", where, size,
                 out.size());
  return out;
}

std::string gunzip(std::string_view file, uint64_t most, const std::string& where) {
  return inflated(file, kGzip, most, where);
}

#else

namespace {
[[noreturn]] void no_zlib(const std::string& where) {
  fail<IoError>("{}: compressed, and this attune was built without zlib", where);
}
}  // namespace

uint32_t crc32(std::string_view bytes, uint32_t before) {
  static constexpr auto kTable = [] {
    std::array<uint32_t, 256> table{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t c = i;
      for (int bit = 0; bit < 8; ++bit) c = (c & 1) != 0 ? 0xEDB88320U ^ (c >> 1) : c >> 1;
      table[i] = c;
    }
    return table;
  }();
  uint32_t c = ~before;
  for (const char byte : bytes) c = kTable[(c ^ static_cast<uint8_t>(byte)) & 255] ^ (c >> 8);
  return ~c;
}
std::string deflate(std::string_view) { no_zlib("deflate"); }
std::string inflate(std::string_view, uint64_t, const std::string& where) { no_zlib(where); }
std::string gunzip(std::string_view, uint64_t, const std::string& where) { no_zlib(where); }

#endif

}  // namespace attune::internal
