// The target that ATTUNE_FUZZ_TARGET names, for libFuzzer:
//   cmake --preset clang -DATTUNE_FUZZERS=ON && ninja -C build/clang attune_fuzz_npy
//   build/clang/attune_fuzz_npy -max_total_time=600
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "tests/fuzz/targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  for (const attune::fuzz::Target& target : attune::fuzz::targets()) {
    if (std::string_view(target.name) == ATTUNE_FUZZ_TARGET) {
      target.run({reinterpret_cast<const char*>(data), size});
    }
  }
  return 0;
}
