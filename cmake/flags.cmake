# What attune's own sources, and nobody else's, are compiled with.
add_library(attune_build_flags INTERFACE)
target_compile_options(attune_build_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow
  $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict>  # of std::string itself: GCC bug 105651
  -fno-math-errno      # lets sqrt be one instruction; nothing here reads errno after a function of <cmath>
  -ffp-contract=off    # a * b + c means the same in every file: fused products are written out
  # libstdc++ 12's stable_sort calls what the same library deprecates, and Clang 19 tells on it.
  $<$<CXX_COMPILER_ID:Clang>:-Wno-deprecated-declarations>
  # Without optimisation GCC 12 calls the kernels' operators on vectors by another convention than they
  # were compiled for: wrong numbers, crashes. (Options given here come after those of the build type.)
  $<$<OR:$<CONFIG:>,$<CONFIG:Debug>>:-O1>
  -fno-semantic-interposition)  # a shared build may inline its own functions as a static one does

# Highway compiles each kernel file once per instruction set and chooses at run time (docs/simd.md).
if(ATTUNE_SIMD STREQUAL "release")
  set(simd "HWY_DISABLED_TARGETS=HWY_SSSE3")  # nine in ten such machines have SSE4 too
elseif(ATTUNE_SIMD STREQUAL "dev")
  set(simd "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4|HWY_AVX2)")
elseif(ATTUNE_SIMD STREQUAL "scalar")
  set(simd "HWY_COMPILE_ONLY_SCALAR")
else()
  message(FATAL_ERROR "ATTUNE_SIMD=${ATTUNE_SIMD}: must be release, dev or scalar")
endif()
target_compile_definitions(attune_build_flags INTERFACE "${simd}")

# An installed program or library finds its neighbours, and the OpenBLAS it was linked with rather
# than the one that the system's alternatives point to. (Plain variables: this folder and below.)
set(CMAKE_INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
