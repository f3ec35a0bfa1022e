# Everything attune is built with, from the system's packages. docs/dependencies.md says why each is
# here; script/setup installs them on Debian.

# attune_dependency(<target> [<library> ...]) admits a target to the PRIVATE list of attune_module().
# The libraries are what an installed static attune names in its stead, so that a program which
# find_packages attune needs to find nothing else; a header-only dependency leaves none.
function(attune_dependency target)
  set_property(GLOBAL PROPERTY attune_dependency_${target} "known;${ARGN}")
endfunction()

find_package(Threads REQUIRED)
attune_dependency(Threads::Threads ${CMAKE_THREAD_LIBS_INIT})
find_package(OpenMP REQUIRED COMPONENTS CXX)
attune_dependency(OpenMP::OpenMP_CXX ${OpenMP_CXX_LIBRARIES})

find_package(PkgConfig REQUIRED)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy>=1.0.3)
attune_dependency(PkgConfig::HWY ${HWY_LINK_LIBRARIES})

# The OpenMP build of OpenBLAS: the pthread build ignores per-thread limits
# (docs/decisions/0002-openblas-openmp.md).
find_library(ATTUNE_OPENBLAS NAMES openblas openblaso
  HINTS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp REQUIRED)
find_path(ATTUNE_CBLAS_INCLUDE NAMES cblas.h
  HINTS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp REQUIRED)
add_library(attune_blas INTERFACE)
target_link_libraries(attune_blas INTERFACE ${ATTUNE_OPENBLAS})
target_include_directories(attune_blas SYSTEM INTERFACE ${ATTUNE_CBLAS_INCLUDE})
attune_dependency(attune_blas ${ATTUNE_OPENBLAS})

if(NOT CMAKE_CROSSCOMPILING AND NOT DEFINED ATTUNE_OPENBLAS_IS_OPENMP)
  file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/blas_kind.cpp CONTENT
    "extern \"C\" int openblas_get_parallel(void);\nint main() { return openblas_get_parallel() == 2 ? 0 : 1; }\n")
  try_run(ran compiled ${PROJECT_BINARY_DIR}/blas_kind ${PROJECT_BINARY_DIR}/blas_kind.cpp
          LINK_LIBRARIES ${ATTUNE_OPENBLAS})
  if(compiled AND ran EQUAL 0)
    set(ATTUNE_OPENBLAS_IS_OPENMP ON CACHE INTERNAL "")
  else()
    message(WARNING "${ATTUNE_OPENBLAS} is not OpenBLAS's OpenMP build: limits on threads will not "
                    "hold inside matrix products. On Debian: apt-get install libopenblas-openmp-dev")
    set(ATTUNE_OPENBLAS_IS_OPENMP OFF CACHE INTERNAL "")
  endif()
endif()

pkg_check_modules(NLOPT REQUIRED IMPORTED_TARGET nlopt)
add_library(attune_nlopt INTERFACE)
target_link_libraries(attune_nlopt INTERFACE PkgConfig::NLOPT)
attune_dependency(attune_nlopt ${NLOPT_LINK_LIBRARIES})

# fmt's library rather than its headers alone: a file compiles in half the time
# (docs/decisions/0016-how-it-is-built.md). An installed attune names it by the linker's name.
find_package(fmt REQUIRED)
add_library(attune_fmt INTERFACE)
target_link_libraries(attune_fmt INTERFACE fmt::fmt)
get_target_property(fmt_file fmt::fmt LOCATION)
cmake_path(GET fmt_file PARENT_PATH fmt_folder)
find_library(ATTUNE_FMT NAMES fmt HINTS ${fmt_folder} REQUIRED)
attune_dependency(attune_fmt ${ATTUNE_FMT})
find_package(nlohmann_json REQUIRED)
attune_dependency(nlohmann_json::nlohmann_json)

# Compressed .npz and .idx.gz; without it those are refused.
find_package(ZLIB)
option(ATTUNE_WITH_ZLIB "Compressed .npz and IDX files" ${ZLIB_FOUND})
add_library(attune_zlib INTERFACE)
if(ATTUNE_WITH_ZLIB)
  find_package(ZLIB REQUIRED)
  target_link_libraries(attune_zlib INTERFACE ZLIB::ZLIB)
  attune_dependency(attune_zlib ${ZLIB_LIBRARIES})
else()
  attune_dependency(attune_zlib)
endif()

if(ATTUNE_WITH_SQLITE)
  find_package(SQLite3 REQUIRED)
  attune_dependency(SQLite::SQLite3 ${SQLite3_LIBRARIES})
endif()
if(ATTUNE_WITH_CLI)
  find_package(CLI11 REQUIRED)
  # For attune-serve; without it `attune serve` says what to install.
  pkg_check_modules(HTTPLIB IMPORTED_TARGET cpp-httplib>=0.11)
endif()
if(ATTUNE_WITH_TESTS)
  find_package(doctest REQUIRED)
endif()
if(ATTUNE_WITH_BENCH)
  find_package(benchmark REQUIRED)
endif()
