#!/bin/bash
# ssh.sh STORAGE STUDY HOST...: a worker on each host, over ssh; ends when all have. The hosts see this
# folder at the same path and have `attune` in their PATH.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
storage=$1 study=$2
workers=()
trap 'kill "${workers[@]}" 2>/dev/null || true' INT TERM
for host in "${@:3}"; do
  # -tt: the worker ends with the connection.
  ssh -tt -o BatchMode=yes "$host" "$(printf '%q ' "$here/tune.sh" "$storage" "$study")" </dev/null &
  workers+=($!)
done
status=0
for worker in "${workers[@]}"; do wait "$worker" || status=$?; done
exit $status
