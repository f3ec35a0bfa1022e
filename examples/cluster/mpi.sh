#!/bin/bash
# mpi.sh N STORAGE [STUDY]: N workers by mpirun, which only starts them: they meet in the storage.
set -euo pipefail
here=$(dirname "$(readlink -f "$0")")
exec mpirun -n "$1" "$here/tune.sh" "${@:2}"
