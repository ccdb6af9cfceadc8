#!/usr/bin/env bash
# Job script of one worker; embed.sh submits it with the resources it needs. By hand:
#   sbatch --cpus-per-task 8 --mem 60G --time 4:00:00 scripts/deploy/slurm/worker.sh cpu
#   sbatch --gres gpu:1 --cpus-per-task 4 --mem 60G --time 4:00:00 scripts/deploy/slurm/worker.sh gpu --device cuda:0
# OBSMITH is the command (e.g. "node /shared/obsmith/dist/scripts/obsmith.js", "apptainer run --nv /shared/obsmith.sif"),
# BASE_FILE_PATH the base folder, whose .obsmith/server.json names the server where TEMPORAL_ADDRESS does not.
set -euo pipefail
kind=${1:?usage: worker.sh cpu|gpu [options of obsmith worker]}
shift
: "${BASE_FILE_PATH:?the base folder of the data sets}"
read -ra obsmith <<<"${OBSMITH:?the command that starts obsmith}"

# Long enough before the limit to hand the work back: others go on from its checkpoints.
margin=${OBSMITH_STOP_SECONDS:-180}
end=${SLURM_JOB_END_TIME:-$(date --date "$(squeue --noheader --job "$SLURM_JOB_ID" --format %e)" +%s)}
stop_at=$(date --utc --date "@$((end - margin))" +%Y-%m-%dT%H:%M:%SZ)

concurrency=()
if [[ $kind == cpu ]]; then concurrency=(--concurrency "${SLURM_CPUS_PER_TASK:-1}"); fi
exec "${obsmith[@]}" worker "$kind" "${concurrency[@]}" --exit-when-idle "${OBSMITH_IDLE:-10m}" --stop-at "$stop_at" "$@"
