#pragma once
// Tables that are not UTF-8.

#include <string>
#include <string_view>

namespace attune::tune::encoding {

// Latin-1 as programs write it (Windows-1252: the bytes 80 to 9F are quotes, dashes and the euro
// sign) to UTF-8. Every byte has its character, so that to_latin1() returns the same bytes.
std::string from_latin1(std::string_view bytes);
// ValueError for a character that Latin-1 does not have.
std::string to_latin1(std::string_view utf8);

}  // namespace attune::tune::encoding
