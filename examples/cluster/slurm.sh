#!/bin/bash
# sbatch slurm.sh: eight workers as a Slurm job array. STORAGE and STUDY come from the environment.
#SBATCH --job-name=attune
#SBATCH --array=0-7
#SBATCH --cpus-per-task=1
#SBATCH --time=01:00:00
#SBATCH --requeue
# Slurm runs a copy of this file from a folder of its own; the examples lie where sbatch was called.
exec "$SLURM_SUBMIT_DIR/tune.sh" "${STORAGE:-sqlite:///$SLURM_SUBMIT_DIR/cluster.db}" "${STUDY:-cluster}"
