#!/bin/bash
# subdirectory.sh SOURCE BUILD: attune as a part of another project. Configures (building all of
# attune again would show nothing more); tests/consumer checks that its host is left as it was.
set -euo pipefail
source=$1 work=$2/consumer-subdirectory
rm -rf "$work"
compiler=$(sed -n "s/^CMAKE_CXX_COMPILER:[A-Z]*=//p" "$2/CMakeCache.txt")
cmake -S "$source/tests/consumer" -B "$work" -G Ninja -DCMAKE_CXX_COMPILER="$compiler" \
  -DATTUNE_SOURCE="$source"
if grep -E '^(CMAKE_BUILD_TYPE|CMAKE_CXX_FLAGS):[A-Z]*=.+' "$work/CMakeCache.txt"; then
  echo "attune changed a cached setting of its host"
  exit 1
fi
cmake --build "$work" -- -n consumer >/dev/null
# The host's install must carry nothing of attune's.
cmake --install "$work" --prefix "$work/prefix" >/dev/null
[ -z "$(find "$work/prefix" -type f 2>/dev/null)" ]
