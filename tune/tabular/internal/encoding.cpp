#include "tune/tabular/internal/encoding.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include <fmt/format.h>

#include "attune/base/error.h"
#include "attune/base/internal/text.h"

namespace attune::tune::encoding {
namespace {

// The characters of the bytes 80 to 9F; the five that Windows-1252 leaves open stay as they are.
constexpr std::array<uint32_t, 32> kWindows = {
    0x20AC, 0x81,   0x201A, 0x0192, 0x201E, 0x2026, 0x2020, 0x2021, 0x02C6, 0x2030, 0x0160,
    0x2039, 0x0152, 0x8D,   0x017D, 0x8F,   0x90,   0x2018, 0x2019, 0x201C, 0x201D, 0x2022,
    0x2013, 0x2014, 0x02DC, 0x2122, 0x0161, 0x203A, 0x0153, 0x9D,   0x017E, 0x0178};

void append(std::string& text, uint32_t character) {
  const auto byte = [&](uint32_t value) { text += static_cast<char>(value); };
  if (character < 0x80) return byte(character);
  if (character < 0x800) {
    byte(0xC0 | character >> 6);
  } else {
    byte(0xE0 | character >> 12);
    byte(0x80 | (character >> 6 & 0x3F));
  }
  byte(0x80 | (character & 0x3F));
}

// The byte of a character; -1 if there is none.
int byte_of(uint32_t character) {
  const auto* const found = std::find(kWindows.begin(), kWindows.end(), character);
  if (found != kWindows.end()) return 0x80 + static_cast<int>(found - kWindows.begin());
  const bool own = character < 0x80 || (character >= 0xA0 && character < 0x100);
  return own ? static_cast<int>(character) : -1;
}

}  // namespace

std::string from_latin1(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size() + bytes.size() / 16);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    append(text, byte >= 0x80 && byte < 0xA0 ? kWindows[byte - 0x80u] : uint32_t{byte});
  }
  return text;
}

std::string to_latin1(std::string_view utf8) {
  std::string bytes;
  bytes.reserve(utf8.size());
  for (size_t i = 0; i < utf8.size();) {
    const auto at = [&](size_t k) { return static_cast<unsigned char>(utf8[i + k]); };
    const unsigned head = at(0);
    const size_t length = head < 0x80 ? 1 : head < 0xE0 ? 2 : head < 0xF0 ? 3 : 4;
    int byte = -1;
    if (length == 1) byte = static_cast<int>(head);
    if (length == 2) byte = byte_of((head & 0x1F) << 6 | (at(1) & 0x3Fu));
    if (length == 3) byte = byte_of((head & 0xF) << 12 | (at(1) & 0x3Fu) << 6 | (at(2) & 0x3Fu));
    if (byte < 0) {
      throw ValueError(fmt::format("{} cannot be written in latin1; convert the table to UTF-8",
                                   in_quotes(utf8.substr(i, length))));
    }
    bytes += static_cast<char>(byte);
    i += length;
  }
  return bytes;
}

}  // namespace attune::tune::encoding
