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

# What is not a kernel gains nothing from -O3 and the tests nothing from -O2, but both compile in a
# good part of the time without (docs/decisions/0016-how-it-is-built.md).
add_library(attune_o2 INTERFACE)
target_compile_options(attune_o2 INTERFACE $<$<CONFIG:Release>:-O2>)
add_library(attune_o1 INTERFACE)
target_compile_options(attune_o1 INTERFACE $<$<CONFIG:Release>:-O1>)

# attune_precompile(<target> <header> ...): the headers that nearly every file includes are read once
# for the target; attune_precompile(<target> REUSE_FROM <other>) shares those of a target with the same
# flags. For GCC alone, so that the build with Clang shows whether a file includes what it uses.
function(attune_precompile target)
  if(ATTUNE_PCH AND CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    if(ARGV1 STREQUAL "REUSE_FROM")
      target_precompile_headers(${target} REUSE_FROM ${ARGV2})
    else()
      target_precompile_headers(${target} PRIVATE ${ARGN})
    endif()
    target_compile_options(${target} PRIVATE -fpch-preprocess)  # for ccache
  endif()
endfunction()
set(attune_pch <algorithm> <array> <cmath> <cstdint> <functional> <initializer_list> <limits> <map>
               <memory> <numeric> <optional> <span> <string> <string_view> <utility> <variant> <vector> <fmt/format.h>)

# Highway compiles each kernel file once per instruction set and chooses at run time (docs/simd.md).
if(ATTUNE_SIMD STREQUAL "release")
  set(simd "HWY_DISABLED_TARGETS=HWY_SSSE3")  # nine in ten such machines have SSE4 too
elseif(ATTUNE_SIMD STREQUAL "dev")
  set(simd "HWY_DISABLED_TARGETS=(HWY_SSSE3|HWY_SSE4|HWY_AVX2)")
elseif(ATTUNE_SIMD STREQUAL "native")
  set(simd "HWY_COMPILE_ONLY_STATIC")  # the best that the compiler may assume, which is this machine's
  target_compile_options(attune_build_flags INTERFACE -march=native)
elseif(ATTUNE_SIMD STREQUAL "scalar")
  set(simd "HWY_COMPILE_ONLY_SCALAR")
else()
  message(FATAL_ERROR "ATTUNE_SIMD=${ATTUNE_SIMD}: must be release, dev, native or scalar")
endif()
target_compile_definitions(attune_build_flags INTERFACE "${simd}")

if(NOT ATTUNE_POOL)
  set_source_files_properties(tensor/internal/pool.cpp tests/tensor/pool_test.cpp
                              PROPERTIES COMPILE_DEFINITIONS ATTUNE_NO_POOL)
endif()

# An installed program or library finds its neighbours, and the OpenBLAS it was linked with rather
# than the one that the system's alternatives point to. (Plain variables: this folder and below.)
set(CMAKE_INSTALL_RPATH "$ORIGIN;$ORIGIN/../${CMAKE_INSTALL_LIBDIR}")
set(CMAKE_INSTALL_RPATH_USE_LINK_PATH ON)
