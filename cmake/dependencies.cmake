# Everything attune is built with, from the system's packages. docs/dependencies.md says why each is
# here; script/setup installs them on Debian.
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
find_package(OpenMP REQUIRED COMPONENTS CXX)
find_package(fmt REQUIRED)
pkg_check_modules(HWY REQUIRED IMPORTED_TARGET libhwy)

# The OpenMP build of OpenBLAS: the pthread build ignores per-thread limits (docs/decisions).
find_library(ATTUNE_OPENBLAS NAMES openblas
  HINTS /usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp REQUIRED)
find_path(ATTUNE_CBLAS_INCLUDE NAMES cblas.h
  HINTS /usr/include/${CMAKE_LIBRARY_ARCHITECTURE}/openblas-openmp REQUIRED)
add_library(attune_blas INTERFACE)
target_link_libraries(attune_blas INTERFACE ${ATTUNE_OPENBLAS})
target_include_directories(attune_blas SYSTEM INTERFACE ${ATTUNE_CBLAS_INCLUDE})
