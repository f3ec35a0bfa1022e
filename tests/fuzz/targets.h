#pragma once
// What is fuzzed: functions of bytes that may throw an attune::Error and do nothing else that is
// wrong.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace attune::fuzz {

struct Target {
  const char* name;
  void (*run)(std::string_view bytes);
  std::vector<std::string> seeds;  // that it accepts
};

const std::vector<Target>& targets();

// A seed with bytes changed, removed, repeated, or joined to another: a function of `number`.
std::string mutated(const Target& target, uint64_t number);

}  // namespace attune::fuzz
