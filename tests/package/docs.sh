#!/bin/bash
# docs.sh SOURCE: every link in the documents leads to a file, every file they name exists, and the diffs
# in CONTRIBUTING.md apply.
set -euo pipefail
cd "$1"
failed=0
while read -r document; do
  while read -r link; do
    [ -e "$(dirname "$document")/$link" ] || { echo "$document: broken link: $link"; failed=1; }
  done < <(sed '/^```./,/^```$/d' "$document" | grep -oP '\]\(\K[^)#:]+(?=[)#])' || true)
  while read -r path; do
    [ -e "$path" ] || { echo "$document: no such file: $path"; failed=1; }
  done < <(sed '/^```diff/,/^```$/d' "$document" |
           grep -oP '`\K(base|tensor|nn|optim|tune|cli|page|tests|bench|script|docs|cmake|examples|include)/[\w./-]+(?=`)' || true)
done < <(find . -name '*.md' -not -path './build*' -not -path './.*' -not -path '*/node_modules/*' -printf '%P\n')

# What these pages show is part of the programs that a test runs.
for page in tuning tour; do
  perl -0777 -e '
    my ($page, $program) = map { open(my $f, "<", $_) or die "$_: $!"; <$f> } @ARGV;
    my @pieces = $page =~ /^```cpp\n(.*?)^```$/gms;
    my @missing = grep { index($program, $_) < 0 } @pieces;
    print "$ARGV[0]: not in $ARGV[1]:\n$_" for @missing;
    exit(@missing > 0 || @pieces < 5);' docs/$page.md examples/$page.cpp || failed=1
done

diffs=$(mktemp -d)
trap 'rm -rf "$diffs"' EXIT
# One marked "landed" is in the tree already, so it applies in reverse.
awk -v folder="$diffs" '/^```diff( landed)?$/ {name = folder "/" ++n ($2 ? ".landed" : ""); next}
                        /^```$/ {name = ""} name {print > name}' CONTRIBUTING.md
for diff in "$diffs"/*; do
  reverse=()
  [[ $diff != *.landed ]] || reverse=(--reverse)
  if ! git apply "${reverse[@]}" --check "$diff"; then
    echo "CONTRIBUTING.md: this diff does not apply:"
    head -5 "$diff"
    failed=1
  fi
done
exit $failed
