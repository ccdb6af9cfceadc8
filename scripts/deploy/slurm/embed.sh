#!/usr/bin/env bash
# Embeds a data set with SLURM jobs as workers, without root: starts the run and keeps jobs in the queue while it needs
# them. CPU jobs come first; GPU jobs are submitted when preparation is done, so that no GPU waits for it. On a login node,
# in tmux or with nohup; a second start follows the run that is there:
#   export BASE_FILE_PATH=/shared/atlas OBSMITH="node /shared/obsmith/dist/scripts/obsmith.js"
#   scripts/deploy/slurm/embed.sh /shared/atlas/conf/dataset_atlas.yaml [options of obsmith run]
# Jobs are sized by memory_gb of the configuration; these change the rest:
#   CPU_JOBS=4 CPU_CORES=8 GPU_JOBS=1 GPU_CORES=4 GPU_DEVICE=cuda:0 JOB_TIME=4:00:00 LOOK_SECONDS=60
#   SBATCH_CPU="--partition=cpu" SBATCH_GPU="--partition=gpu --gres=gpu:1"
#   NODE="apptainer exec /shared/obsmith.sif node" where the login node has no Node.js
set -euo pipefail
conf=${1:?usage: embed.sh CONF [options of obsmith run]}
shift
: "${BASE_FILE_PATH:?the base folder of the data sets}"
read -ra obsmith <<<"${OBSMITH:?the command that starts obsmith}"
read -ra node <<<"${NODE:-node}"
read -ra sbatch_cpu <<<"${SBATCH_CPU:-}"
read -ra sbatch_gpu <<<"${SBATCH_GPU:---gres=gpu:1}"
worker=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/worker.sh
export BASE_FILE_PATH OBSMITH

# field EXPRESSION: what JavaScript makes of the JSON document `d` on standard input
field() { "${node[@]}" --print "const d = JSON.parse(require('fs').readFileSync(0, 'utf8')); $1"; }

config=$("${obsmith[@]}" config "$conf" --json)
id=embed-$(field "d.dataset.name" <<<"$config")
memory() { field "d.embedding_$1?.memory_gb ?? 60" <<<"$config"; }
gpu_methods=$(field "(d.embedding_gpu?.enabled ? d.embedding_gpu.methods : []).join(' ')" <<<"$config")

# jobs KIND: how many of its workers wait or run
jobs() { squeue --noheader --me --name "obsmith-$1-$id" --format %i | wc -l; }

# submit KIND NUMBER MEMORY OPTIONS... -- WORKER OPTIONS...: where no such job is in the queue
submit() {
  local kind=$1 number=$2 memory=$3
  shift 3
  if (($(jobs "$kind") > 0)); then return; fi
  local options=()
  while [[ $1 != -- ]]; do options+=("$1") && shift; done
  shift
  for ((job = 0; job < number; job++)); do
    sbatch --parsable --job-name "obsmith-$kind-$id" --mem "${memory}G" --time "${JOB_TIME:-4:00:00}" \
      --output "obsmith-$kind-%j.log" "${options[@]}" "$worker" "$kind" "$@"
  done
}
submit_cpu() { submit cpu "${CPU_JOBS:-4}" "$(memory cpu)" --cpus-per-task "${CPU_CORES:-8}" "${sbatch_cpu[@]}" --; }
submit_gpu() {
  submit gpu "${GPU_JOBS:-1}" "$(memory gpu)" --cpus-per-task "${GPU_CORES:-4}" "${sbatch_gpu[@]}" -- \
    --device "${GPU_DEVICE:-cuda:0}"
}

# Whether a method of the GPU queue is still to be done, as the run sees it
gpu_needed() {
  field "'$gpu_methods'.split(' ').some((m) => ['waiting', 'running'].includes(d.progress?.methods[m]?.state))"
}

# Keeps workers in the queue until the run ends; prints how it ended
follow() {
  local status state
  while :; do
    status=$("${obsmith[@]}" status "$id" --json)
    state=$(field "d.status" <<<"$status")
    if [[ $state != running ]]; then break; fi
    submit_cpu >&2
    if [[ $1 == all && $(gpu_needed <<<"$status") == true ]]; then submit_gpu >&2; fi
    sleep "${LOOK_SECONDS:-60}"
  done
  echo "$state"
}

if [[ -n $gpu_methods ]]; then
  "${obsmith[@]}" run "$conf" --prepare-only --no-workers --detach "$@"
  follow preparation >/dev/null
fi
"${obsmith[@]}" run "$conf" --no-workers --detach "$@"
state=$(follow all)
"${obsmith[@]}" status "$id"
[[ $state == completed ]]
