#pragma once
// Text that came from outside (names, cells, paths, lines of input), made fit for a message: on one
// line, without anything a terminal would obey, and short. Every message that repeats a piece of
// its input passes it through one of these.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace attune {

// Where the first byte lies that is not part of valid UTF-8 (RFC 3629: no surrogates, nothing
// overlong); npos: all of it is.
size_t utf8_flaw(std::string_view text);

// The text with line ends, control characters and bytes that are not UTF-8 as escapes (\n, \x1b,
// \u202e). Of more than `limit` characters the middle is left out: "abc…xyz (20,000 bytes)".
std::string printable(std::string_view text, size_t limit = 80);

// The same between single quotes, for names and values: 'lr'.
std::string in_quotes(std::string_view text, size_t limit = 80);

// Paths and URLs, which are longer and have no quotes.
inline std::string shown_path(std::string_view path) { return printable(path, 300); }

// "512 MB", "1.5 GB": by powers of 1024, with three digits.
std::string shown_bytes(int64_t bytes);

// "'a', 'b', 'c'", or of more than `most` "'a', 'b', … (20,000 in all)".
class ListInQuotes {
 public:
  explicit ListInQuotes(size_t most = 12) : most_(most) {}
  void add(std::string_view text);
  std::string text() const;

 private:
  size_t most_, count_ = 0;
  std::string text_;
};

// The list of a range of texts.
template <class Range>
std::string list_in_quotes(const Range& texts, size_t most = 12) {
  ListInQuotes list(most);
  for (const auto& text : texts) list.add(text);
  return list.text();
}

}  // namespace attune
