#include "attune/tensor/io/idx.h"

#include <doctest/doctest.h>

#include "tests/support/check.h"
#include "tests/support/folder.h"

using namespace attune;
using namespace attune::support;

namespace {

std::string idx(uint8_t type, const std::vector<uint32_t>& sizes, const std::string& data) {
  std::string bytes(2, '\0');
  bytes += static_cast<char>(type);
  bytes += static_cast<char>(sizes.size());
  for (const uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift & 255);
  }
  return bytes + data;
}

Tensor read(const std::string& bytes) {
  const Folder folder;
  return read_idx(folder.file("a", bytes));
}

// gzip -n of idx(8, {2, 2}, "\1\2\3\4").
const std::string kGzip(
    "\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\x63\x60\xe0\x60\x62\x60\x60\x00\x63\x46\x26\x66\x16"
    "\x00"
    "\x1f\xbf\xf0\x7c\x10\x00\x00\x00",
    32);

}  // namespace

TEST_CASE("idx: every type") {
  const Tensor bytes = read(idx(0x08, {2, 3}, "\x01\x02\x03\x04\x05\xff"));
  CHECK(bytes.dtype() == DType::u8);
  CHECK(bytes.shape() == Shape{2, 3});
  CHECK(values(bytes) == std::vector<double>{1, 2, 3, 4, 5, 255});
  CHECK(read(idx(0x09, {1}, "\xff")).to_vector<int8_t>() == std::vector<int8_t>{-1});
  CHECK(read(idx(0x0B, {1}, "\xff\xfe")).to_vector<int32_t>() == std::vector<int32_t>{-2});
  CHECK(read(idx(0x0C, {1}, std::string("\x00\x00\x01\x00", 4))).to_vector<int32_t>() ==
        std::vector<int32_t>{256});
  CHECK(read(idx(0x0D, {1}, std::string("\x3f\x80\x00\x00", 4))).to_vector<float>() ==
        std::vector<float>{1});
  CHECK(read(idx(0x0E, {1}, std::string("\x3f\xf0\x00\x00\x00\x00\x00\x00", 8)))
            .to_vector<double>() == std::vector<double>{1});
  CHECK(read(idx(0x08, {0, 28, 28}, "")).shape() == Shape{0, 28, 28});
}

TEST_CASE("idx: compressed by gzip") {
#ifndef ATTUNE_WITH_ZLIB
  CHECK_THROWS_AS(read(kGzip), IoError);
  return;
#endif
  const Tensor x = read(kGzip);
  CHECK(x.shape() == Shape{2, 2});
  CHECK(values(x) == std::vector<double>{1, 2, 3, 4});
  for (size_t n = 0; n < kGzip.size(); ++n) CHECK_THROWS_AS(read(kGzip.substr(0, n)), IoError);
  CHECK_THROWS_AS(read(kGzip + "x"), IoError);
  std::string damaged = kGzip;
  damaged[25] ^= 1;
  CHECK_THROWS_AS(read(damaged), IoError);
}

TEST_CASE("idx: files that lie") {
  const std::string whole = idx(0x08, {2, 2}, "\1\2\3\4");
  for (size_t n = 0; n < whole.size(); ++n) CHECK_THROWS_AS(read(whole.substr(0, n)), IoError);
  CHECK_THROWS_AS(read(whole + "x"), IoError);
  CHECK_THROWS_AS(read(idx(0x0A, {1}, "\1")), IoError);
  CHECK_THROWS_AS(read(idx(0x08, {1, 1, 1, 1, 1, 1, 1, 1, 1}, "\1")), IoError);
  CHECK_THROWS_AS(read(idx(0x0E, {0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF}, "\1")), IoError);
  CHECK_THROWS_AS(read(idx(0x08, {0xFFFFFFFF, 2}, "\1")), IoError);
  CHECK_THROWS_AS(read_idx("/dev/zero"), IoError);
  CHECK_THROWS_AS(read_idx("/none"), IoError);
}
