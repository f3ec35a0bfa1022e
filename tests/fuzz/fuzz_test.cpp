// Some thousand mutations of what each reader accepts, the same ones each time. With
//   ATTUNE_FUZZ_SECONDS=600 attune_fuzz_tests
// so many seconds of others for each; libfuzzer.cpp does it with coverage, under Clang.
#include <doctest/doctest.h>

#include <chrono>
#include <cstdlib>
#include <iostream>

#include "tests/fuzz/targets.h"

using namespace attune;

TEST_CASE("fuzz: whatever the bytes are, an Error or a result") {
  const char* seconds = std::getenv("ATTUNE_FUZZ_SECONDS");
  for (const fuzz::Target& target : fuzz::targets()) {
    CAPTURE(target.name);
    for (const std::string& seed : target.seeds) CHECK_NOTHROW(target.run(seed));
    for (uint64_t number = 0; number < 3000; ++number) {
      CAPTURE(number);
      CHECK_NOTHROW(target.run(fuzz::mutated(target, number)));
    }
    if (seconds == nullptr) continue;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(std::atoi(seconds));
    uint64_t number = 3000;
    for (; std::chrono::steady_clock::now() < end; ++number) {
      CAPTURE(number);
      CHECK_NOTHROW(target.run(fuzz::mutated(target, number)));
    }
    std::cout << target.name << ": " << number << " inputs\n";
  }
}
