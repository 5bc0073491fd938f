#!/usr/bin/env bash
# Events per CPU-second of the whole process, file to file, with the handbook pack: `tollgate run` over the Handbook's
# 1,754,155 simulated transactions (../shared/data, or $TOLLGATE_DATA), decisions as NDJSON. The goal is 1.7 million.
# KEEP=1 keeps the figures in results/raw.
#
#   cargo build --release --workspace --bins && [WORKERS=2] benches/file_to_file.sh [RUNS]
set -euo pipefail
cd "$(dirname "$0")/.."
data=${TOLLGATE_DATA:-$PWD/../shared/data}/handbook_transactions.parquet
tollgate=${TOLLGATE:-${CARGO_TARGET_DIR:-target}/release/tollgate}
[[ -f $data ]] || { echo "skipped: no $data"; exit 0; }
[[ -x $tollgate ]] || { echo "no $tollgate: cargo build --release"; exit 1; }

dir=$(mktemp -d) figures=()
trap 'rm -rf "$dir"' EXIT
echo "commit $(git rev-parse --short HEAD), ${WORKERS:-1} workers, $(nproc) cores, $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
for run in $(seq "${1:-3}"); do
  cat >"$dir/pipeline.yaml" <<EOF
name: bench-$run
pack: $PWD/rules/packs/handbook
source: { file: { path: "$data" } }
sinks: { decisions: { file: { path: "$dir/decisions-$run.ndjson" } } }
state: { dir: "$dir/state-$run" }
workers: ${WORKERS:-1}
EOF
  TIMEFORMAT='%R %U %S'
  read -r wall user system < <({ time "$tollgate" run "$dir/pipeline.yaml" >"$dir/log" 2>&1; } 2>&1)
  lines=$(wc -l <"$dir/decisions-$run.ndjson")
  awk -v n="$lines" -v w="$wall" -v u="$user" -v s="$system" \
    'BEGIN { printf "%d decisions, wall %.2f s, CPU %.2f s: %d events per CPU-second\n", n, w, u + s, n / (u + s) }'
  figures+=("$(awk -v n="$lines" -v u="$user" -v s="$system" 'BEGIN { printf "%.0f", n / (u + s) }')")
  rm "$dir/decisions-$run.ndjson"
done
if [[ -n ${KEEP:-} ]]; then
  measure=${CARGO_TARGET_DIR:-target}/release/measure
  "$measure" record file-to-file "benches/file_to_file.sh ${1:-3}" "${figures[@]}"
  "$measure" page
fi
