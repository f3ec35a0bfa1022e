# What attune's own sources, and nobody else's, are compiled with.
add_library(attune_build_flags INTERFACE)
target_compile_options(attune_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  -fno-math-errno      # lets sqrt be one instruction; nothing here reads errno after a function of <cmath>
  -ffp-contract=off)   # a * b + c means the same in every file: fused products are written out

# Highway compiles each kernel file once per instruction set and chooses at run time (docs/simd.md).
if(ATTUNE_SIMD STREQUAL "dev")
  set(disabled "(HWY_SSSE3|HWY_SSE4|HWY_AVX2)")
elseif(ATTUNE_SIMD STREQUAL "scalar")
  set(disabled "(~HWY_SCALAR)")
else()
  set(disabled "HWY_SSSE3")  # nine in ten such machines have SSE4 too
endif()
target_compile_definitions(attune_build_flags INTERFACE "HWY_DISABLED_TARGETS=${disabled}")
