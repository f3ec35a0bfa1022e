#!/bin/bash
# public_headers.sh SOURCE: public headers include only the standard library's and attune's own,
# define no macro, and each is in its room's umbrella header. tensor/format.h alone includes fmt, and
# is in none: that is what it is for.
set -euo pipefail
cd "$1"
failed=0
headers=$(find tensor nn optim tune include -name '*.h' -not -path '*/internal/*' -not -path tensor/format.h |
  sort)

# A standard header is one word without an ending: <vector>; those of C and others end in .h.
if grep -nE '^ *# *include *<[^>]*[./][^>]*>' $headers | grep -v '<attune/'; then
  echo "^ a public header includes something that is not the standard library's"
  failed=1
fi
if grep -nE '^ *# *include *"' $headers | grep -v '"attune/'; then
  echo "^ a public header includes by a path that exists in this tree only: write \"attune/...\""
  failed=1
fi
if grep -nE '^ *# *include *"attune/[^"]*internal/' $headers; then
  echo "^ a public header includes an internal one, which is not installed"
  failed=1
fi
if grep -nE '^ *# *define' $headers; then
  echo "^ a public header defines a macro"
  failed=1
fi
bash script/umbrella --check || failed=1
exit $failed
