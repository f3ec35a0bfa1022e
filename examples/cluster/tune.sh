#!/bin/bash
# tune.sh STORAGE [STUDY]: one worker. All of them run this same command: the first to come makes the
# study, the others join it, and each ends when the study has its 60 trials. Started again, it goes on.
set -euo pipefail
storage=$1 study=${2:-cluster}
here=$(dirname "$(readlink -f "$0")")
exec attune tune --storage "$storage" --study "$study" --trials 60 --quiet \
  --param 'lr=log(1e-4,1e-1)' --param 'layers=int(1,8)' \
  -- python3 "$here/train.py" --lr {lr} --layers {layers}
