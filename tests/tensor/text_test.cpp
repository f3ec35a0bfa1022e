// Pieces of input in messages: escaped, shortened, on one line.

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "attune/base/internal/text.h"

using namespace attune;

TEST_CASE("utf8_flaw: the first byte that is not UTF-8") {
  constexpr size_t kNone = std::string_view::npos;
  const std::string fine[] = {"", "lr", "Köln", "\u20ac", "\U0001F600", std::string("a\0b", 3)};
  for (const std::string& text : fine) CHECK(utf8_flaw(text) == kNone);
  CHECK(utf8_flaw("K\xf6ln") == 1);           // Latin-1
  CHECK(utf8_flaw("ab\xc3") == 2);            // cut off
  CHECK(utf8_flaw("\xc0\xaf") == 0);          // overlong
  CHECK(utf8_flaw("\xe0\x80\xaf") == 0);      // overlong
  CHECK(utf8_flaw("x\xed\xa0\xbd") == 1);     // half of a surrogate pair
  CHECK(utf8_flaw("\xf4\x90\x80\x80") == 0);  // above U+10FFFF
  CHECK(utf8_flaw("\x80") == 0);
  CHECK(utf8_flaw("\xff\xfe") == 0);
}

TEST_CASE("in_quotes: what a terminal would obey is escaped") {
  CHECK(in_quotes("lr") == "'lr'");
  CHECK(in_quotes("") == "''");
  CHECK(in_quotes("Größe") == "'Größe'");
  CHECK(in_quotes("a\nb\tc\rd") == R"('a\nb\tc\rd')");
  CHECK(in_quotes("\x1b[31mred") == R"('\x1b[31mred')");
  CHECK(in_quotes(std::string("a\0b", 3)) == R"('a\x00b')");
  CHECK(in_quotes("\x7f\xc2\x9b") == R"('\x7f\x9b')");        // delete; the one-byte ESC [
  CHECK(in_quotes("K\xf6ln") == R"('K\xf6ln')");              // not UTF-8
  CHECK(in_quotes("\u202etxt.exe") == R"('\u202etxt.exe')");  // right to left from here on
  CHECK(in_quotes("a\u200bb\ufeff") == R"('a\u200bb\ufeff')");
}

TEST_CASE("in_quotes: long texts lose their middle, and say how long they are") {
  const std::string long_text = "begin" + std::string(20000, 'x') + "end";
  const std::string shown = in_quotes(long_text);
  CHECK(shown.size() < 120);
  CHECK(shown.starts_with("'beginxxx"));
  CHECK(shown.find("…") != std::string::npos);
  CHECK(shown.ends_with("xxend' (20,008 bytes)"));
  CHECK(in_quotes(std::string(80, 'x')) == "'" + std::string(80, 'x') + "'");
  CHECK(printable(std::string(1000, '\n')).size() < 250);

  std::string euros;  // three bytes each: characters count, and none is cut in two
  for (int i = 0; i < 80; ++i) euros += "\u20ac";
  CHECK(in_quotes(euros) == "'" + euros + "'");
  euros += euros;
  CHECK(utf8_flaw(in_quotes(euros)) == std::string::npos);
  CHECK(in_quotes(euros).find("\\x") == std::string::npos);
}

TEST_CASE("list_in_quotes: a few of many") {
  CHECK(list_in_quotes(std::vector<std::string>{}).empty());
  CHECK(list_in_quotes(std::vector<std::string>{"a", "b\n"}) == R"('a', 'b\n')");
  const std::string many = list_in_quotes(std::vector<std::string>(20000, "c"), 3);
  CHECK(many == "'c', 'c', 'c', … (20,000 in all)");
}
