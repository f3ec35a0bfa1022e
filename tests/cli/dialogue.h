#pragma once
// Speaking with ask-tell in tests.

#include <doctest/doctest.h>

#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/process.h"

namespace attune::test {

using nlohmann::json;
using Words = std::vector<std::string>;

inline const char kX[] = R"({"x": {"type": "float", "low": 0, "high": 1}})";
inline const char kY[] = R"({"y": {"type": "float", "low": 0, "high": 5}})";

// Fails the test at a line that is not strict JSON.
inline std::vector<json> lines_of(const Finished& end) {
  CHECK(end.out.find("Infinity,") == std::string::npos);
  std::vector<json> lines;
  std::istringstream in(end.out);
  for (std::string line; std::getline(in, line);) {
    REQUIRE_MESSAGE(json::accept(line), line);
    lines.push_back(json::parse(line));
  }
  return lines;
}

inline std::string text_of(const Words& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

inline Finished speak(const Folder& folder, const char* space, Words more, const Words& lines) {
  Words words = {"ask-tell", "--space", space, "--sampler", "random", "--seed", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return folder.attune(words, text_of(lines));
}

}  // namespace attune::test
