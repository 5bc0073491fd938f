#!/usr/bin/env bash
# The core by itself, in this process and without decoding or output: the job "12 windows" over the state (kernel.rs,
# twelve.rs), and how cost grows with late events, longer windows, a hot key, new keys, more rules.
#
# What is compared runs in turn, round by round; of each run the least of its four rounds counts, because what disturbs
# a machine only ever adds. The answers of two runs of one job are the same: the checksums must be.
#
#   cargo build --release --workspace --bins && benches/core.sh [ROUNDS]
#
# KEYS (1000000) of each of four kinds. RULES=1 measures rules and `check` too (criterion; it builds the benches).
# KEEP=1 keeps the figures in results/raw.
set -euo pipefail
cd "$(dirname "$0")"
ROUNDS=${1:-2} KEYS=${KEYS:-1000000}
TARGET=${CARGO_TARGET_DIR:-$PWD/../target}
KERNEL=${KERNEL:-$TARGET/release/kernel} MEASURE=$TARGET/release/measure
for program in "$KERNEL" "$MEASURE"; do
  [[ -x $program ]] || { echo "no $program: cargo build --release --workspace --bins"; exit 1; }
done
WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT

# job ARGUMENT...: one run; NS, BYTES a key and EVENTS a key of it.
job() {
  "$KERNEL" "$@" >"$WORK/told"
  NS=$(sed -n 's/^CPU per event: .* least \([0-9]*\) ns.*/\1/p' "$WORK/told")
  BYTES=$(sed -n 's/^held: .* bytes: \([0-9.]*\) a key/\1/p' "$WORK/told")
  PER_KEY=$(sed -n 's/^held: .*(\([0-9.]*\) a key).*/\1/p' "$WORK/told")
  printf '%-45s %6s ns per event, %8s bytes and %6s events a key, %s\n' "$*" "$NS" "$BYTES" "$PER_KEY" \
    "$(grep -o 'checksum .*' "$WORK/told")"
}
declare -A COMMANDS
# figure ID FIGURE COMMAND
figure() { echo "$2" >>"$WORK/$1"; COMMANDS[$1]=$3; }
more() { awk -v one="$1" -v other="$2" 'BEGIN { printf "%.1f", 100 * (other / one - 1) }'; }
# beside ID ONE -- OTHER: what the other job costs beyond the one, %.
beside() {
  local id=$1 one=() base
  shift
  while [[ $1 != -- ]]; do one+=("$1"); shift; done
  shift
  job "${one[@]}"; base=$NS
  job "$@"
  figure "$id" "$(more "$base" "$NS")" "kernel ${one[*]}, kernel $*"
}

echo "commit $(git rev-parse --short HEAD), $(nproc) cores, load $(cut -d ' ' -f 1-3 /proc/loadavg)"
for _ in $(seq "$ROUNDS"); do
  job "KEYS=$KEYS"
  figure core-12-windows "$NS" "kernel KEYS=$KEYS"
  figure core-bytes "$(awk -v b="$BYTES" -v e="$PER_KEY" 'BEGIN { printf "%.2f", b / (96 + 12 * e) }')" "kernel KEYS=$KEYS"
  few=KEYS=$((KEYS / 4)) tenth=KEYS=$((KEYS / 10))
  beside core-late "$few" EVENTS=2000000 -- "$few" EVENTS=2000000 LATE=0.05
  beside core-long-windows "$tenth" LIVE=1.6 EVENTS=2000000 -- "$tenth" LIVE=160 EVENTS=2000000
  beside core-hot-key "$tenth" EVENTS=2000000 -- "$tenth" EVENTS=2000000 HOT=0.9
  job "DISTINCT=$((10 * KEYS))"
  figure core-new-keys "$BYTES" "kernel DISTINCT=$((10 * KEYS))"
done
if [[ -n ${RULES:-} ]]; then
  cargo bench --quiet --workspace --bench rules --bench check >"$WORK/criterion" 2>&1
  # Criterion keeps the estimates of its last run: nanoseconds.
  estimate() {
    python3 -c 'import json, pathlib, sys
for file in pathlib.Path(sys.argv[1], "criterion").rglob("new/benchmark.json"):
    if json.loads(file.read_text())["title"] == sys.argv[2]:
        print(json.loads(file.with_name("estimates.json").read_text())["median"]["point_estimate"])' "$TARGET" "$1"
  }
  fifty=$(estimate "rules/50 rules, steps of 256")
  figure core-rules-1000 "$(more "$fifty" "$(estimate "rules/1000 rules, steps of 256")")" "cargo bench --workspace --bench rules"
  figure core-rules-5000 "$(more "$fifty" "$(estimate "rules/5000 rules, steps of 256")")" "cargo bench --workspace --bench rules"
  figure core-check-5000 "$(awk -v ns="$(estimate "check, 5,000 rules")" 'BEGIN { printf "%.2f", ns / 1e9 }')" "cargo bench --workspace --bench check"
fi
for id in "${!COMMANDS[@]}"; do echo "$id: $(paste -sd ' ' "$WORK/$id")"; done | sort
if [[ -n ${KEEP:-} ]]; then
  for id in "${!COMMANDS[@]}"; do
    mapfile -t figures <"$WORK/$id"
    "$MEASURE" record "$id" "benches/core.sh: ${COMMANDS[$id]}" "${figures[@]}"
  done
  "$MEASURE" page
fi
