#include "attune/base/internal/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace attune {
namespace {

// The length in bytes of the character at text[at]; 0: the byte there is not part of valid UTF-8.
size_t character_at(std::string_view text, size_t at, uint32_t& c) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[at + i]); };
  const uint32_t head = byte(0);
  c = head;
  if (head < 0x80) return 1;
  const size_t length = head >= 0xF0 ? 4 : head >= 0xE0 ? 3 : 2;
  if (head < 0xC2 || head > 0xF4 || length > text.size() - at) return 0;
  c = head & (0x7Fu >> length);
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return 0;
    c = c << 6 | (byte(i) & 0x3F);
  }
  const bool surrogate = c >= 0xD800 && c < 0xE000;
  const bool overlong = (length == 3 && c < 0x800) || (length == 4 && c < 0x10000);
  return surrogate || overlong || c > 0x10FFFF ? 0 : length;
}

// What a terminal would obey, or would show as nothing or in another order.
bool unprintable(uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0xAD || (c >= 0x200B && c <= 0x200F) ||
         (c >= 0x2028 && c <= 0x202E) || (c >= 0x2060 && c <= 0x206F) || c == 0xFEFF ||
         (c >= 0xE0000 && c < 0xE1000);
}

// Appends the character at text[at], escaped where need be, and returns its length in bytes.
size_t append_character(std::string& out, std::string_view text, size_t at) {
  uint32_t c = 0;
  const size_t length = character_at(text, at, c);
  const auto escaped = std::back_inserter(out);
  if (length == 0) {
    fmt::format_to(escaped, "\\x{:02x}", static_cast<unsigned char>(text[at]));
    return 1;
  }
  if (!unprintable(c)) {
    out += text.substr(at, length);
  } else if (c == '\n' || c == '\r' || c == '\t') {
    out += c == '\n' ? "\\n" : c == '\r' ? "\\r" : "\\t";
  } else if (c < 0x100) {
    fmt::format_to(escaped, "\\x{:02x}", c);
  } else {
    fmt::format_to(escaped, "\\u{:04x}", c);
  }
  return length;
}

std::string escaped_part(std::string_view text) {
  std::string out;
  for (size_t at = 0; at < text.size();) at += append_character(out, text, at);
  return out;
}

bool continues(char byte) { return (static_cast<unsigned char>(byte) & 0xC0) == 0x80; }

std::string grouped(size_t number) {  // 20,000
  const std::string rest = fmt::format("{:03}", number % 1000);
  return number < 1000 ? fmt::format("{}", number) : grouped(number / 1000) + "," + rest;
}

// `quote` goes around the text, inside of the remark on its length.
std::string made_short(std::string_view text, size_t limit, std::string_view quote) {
  const auto wrapped = [&](const std::string& inside) {
    return std::string(quote) + inside + std::string(quote);
  };
  if (text.size() <= limit) return wrapped(escaped_part(text));
  const size_t characters = static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char byte) { return !continues(byte); }));
  if (characters <= limit && utf8_flaw(text) == std::string_view::npos) {
    return wrapped(escaped_part(text));
  }
  size_t head = limit * 2 / 3, tail = text.size() - limit / 4;
  while (head > 0 && continues(text[head])) --head;
  while (tail < text.size() && continues(text[tail])) ++tail;
  return wrapped(escaped_part(text.substr(0, head)) + "…" + escaped_part(text.substr(tail))) +
         fmt::format(" ({} bytes)", grouped(text.size()));
}

}  // namespace

size_t utf8_flaw(std::string_view text) {
  for (size_t at = 0; at < text.size();) {
    uint64_t word = 0;
    if (text.size() - at >= sizeof word) {  // eight ASCII characters at a time
      std::memcpy(&word, text.data() + at, sizeof word);
      if ((word & 0x8080808080808080) == 0) {
        at += sizeof word;
        continue;
      }
    }
    uint32_t c = 0;
    const size_t length = character_at(text, at, c);
    if (length == 0) return at;
    at += length;
  }
  return std::string_view::npos;
}

std::string printable(std::string_view text, size_t limit) { return made_short(text, limit, ""); }

std::string in_quotes(std::string_view text, size_t limit) { return made_short(text, limit, "'"); }

void ListInQuotes::add(std::string_view text) {
  if (++count_ > most_) return;
  text_ += (count_ > 1 ? ", " : "") + in_quotes(text, 40);
}

std::string ListInQuotes::text() const {
  if (count_ <= most_) return text_;
  return text_ + fmt::format(", … ({} in all)", grouped(count_));
}

std::string shown_bytes(int64_t bytes) {
  constexpr double kMega = 1 << 20, kGiga = 1 << 30;
  const auto size = static_cast<double>(bytes);
  return size < 1000 * kMega ? fmt::format("{:.3g} MB", size / kMega)
                             : fmt::format("{:.3g} GB", size / kGiga);
}

}  // namespace attune
