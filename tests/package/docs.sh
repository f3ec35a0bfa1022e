#!/bin/bash
# docs.sh SOURCE: every link in the documents leads to a file, and every file they name exists.
set -euo pipefail
cd "$1"
failed=0
while read -r document; do
  while read -r link; do
    [ -e "$(dirname "$document")/$link" ] || { echo "$document: broken link: $link"; failed=1; }
  done < <(grep -oP '\]\(\K[^)#:]+(?=[)#])' "$document" || true)
  # Examples of what may come are written with another ending or in a diff: neither is looked at.
  while read -r path; do
    [ -e "$path" ] || { echo "$document: no such file: $path"; failed=1; }
  done < <(sed '/^```diff/,/^```$/d' "$document" |
           grep -oP '`\K(tensor|nn|optim|tune|cli|tests|bench|script|docs|cmake|examples|include)/[\w./-]+(?=`)' || true)
done < <(find . -name '*.md' -not -path './build*' -not -path './.*' -printf '%P\n')
exit $failed
