#!/bin/bash
# consumer.sh static|shared SOURCE BUILD: installs attune into an empty folder and lets tests/consumer
# find it there, by find_package and by pkg-config alone. The static libraries are those of BUILD;
# the shared ones are built from the same objects where ccache is present.
set -euo pipefail
kind=$1 source=$2 build=$3
work=$build/consumer-$kind
prefix=$work/prefix
cached() { sed -n "s/^$1:[A-Z]*=//p" "$build/CMakeCache.txt"; }
compiler=$(cached CMAKE_CXX_COMPILER)
rm -rf "$prefix" "$work/consumer"
mkdir -p "$work"

if [ "$kind" = shared ]; then
  same=()
  for name in CMAKE_CXX_COMPILER CMAKE_CXX_FLAGS CMAKE_BUILD_TYPE CMAKE_COMPILE_WARNING_AS_ERROR \
    ATTUNE_SIMD ATTUNE_WITH_SQLITE ATTUNE_PCH ATTUNE_POOL; do
    same+=("-D$name=$(cached $name)")
  done
  cmake -S "$source" -B "$build-shared" -G Ninja "${same[@]}" -DBUILD_SHARED_LIBS=ON \
    -DATTUNE_WITH_TESTS=OFF -DATTUNE_WITH_CLI=OFF >"$work/log" || { cat "$work/log"; exit 1; }
  cmake --build "$build-shared"
  cmake --install "$build-shared" --prefix "$prefix" >/dev/null
else
  cmake --install "$build" --prefix "$prefix" >/dev/null
fi

echo "== find_package"
cmake -S "$source/tests/consumer" -B "$work/consumer" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
  -DCMAKE_PREFIX_PATH="$prefix" >"$work/log" || { cat "$work/log"; exit 1; }
cmake --build "$work/consumer"
"$work/consumer/consumer"
"$work/consumer/consumer_of_tune"
"$work/consumer/consumer_of_tensor"
"$work/consumer/consumer_of_core"
if ldd "$work/consumer/consumer_of_core" | grep -iE 'blas|lapack|attune_tensor'; then exit 1; fi

echo "== pkg-config"
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name attune.pc)")
export PKG_CONFIG_PATH
read -ra flags <<<"$(pkg-config --cflags --libs attune)"
"$compiler" -std=c++20 "$source/tests/consumer/main.cpp" "${flags[@]}" -o "$work/by-pkg-config"
LD_LIBRARY_PATH=$(dirname "$PKG_CONFIG_PATH") "$work/by-pkg-config"

echo "== nothing private is installed"
if find "$prefix" -path '*internal*' | grep .; then exit 1; fi
