#pragma once
// The page that reports fill in, built from page/ and embedded into the library.

#include <string_view>

namespace attune::tune::internal {

std::string_view report_page();  // one HTML file; empty in a build without it

}  // namespace attune::tune::internal
