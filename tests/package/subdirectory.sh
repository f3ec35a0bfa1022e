#!/bin/bash
# subdirectory.sh SOURCE BUILD: attune as a part of another project. Builds and runs a program that
# uses the tensor room alone, without vector instructions (building all of attune again would show
# nothing more); tests/consumer checks that its host is left as it was.
set -euo pipefail
source=$1 work=$2/consumer-subdirectory
rm -rf "$work"
cached() { sed -n "s/^$1:[A-Z]*=//p" "$2/CMakeCache.txt"; }
launcher=$(command -v ccache || true)
cmake -S "$source/tests/consumer" -B "$work" -G Ninja -DATTUNE_SOURCE="$source" \
  -DATTUNE_SIMD=scalar -DCMAKE_CXX_COMPILER="$(cached CMAKE_CXX_COMPILER "$2")" \
  ${launcher:+-DCMAKE_CXX_COMPILER_LAUNCHER="$launcher"} >"$work.log" || { cat "$work.log"; exit 1; }
if grep -E '^(CMAKE_BUILD_TYPE|CMAKE_CXX_FLAGS):[A-Z]*=.+' "$work/CMakeCache.txt"; then
  echo "attune changed a cached setting of its host"
  exit 1
fi
cmake --build "$work" --target consumer_of_tensor
"$work/consumer_of_tensor"
cmake --build "$work" -- -n consumer >/dev/null
# The host's install must carry nothing of attune's.
cmake --install "$work" --prefix "$work/prefix" >/dev/null
[ -z "$(find "$work/prefix" -type f 2>/dev/null)" ]
