#!/usr/bin/env bash
# From kill −9 to caught up with a large state, on a real broker on loopback: `tollgate run` with kafka/pack.yaml (12
# windows over 4 kinds of key), KEYS of each kind with 16 events each in an hour, decisions written exactly once.
#
# The state is filled from the topic. Then RATE events a second go on coming on a schedule; once a snapshot of that time is
# kept and the next one is nearly due, the process is killed and started again at once. What is told is the longest time for
# which a reader of committed records saw decisions come more than 250 ms after their events were due, from when the first of
# them was due to when the last of them came (measure/visible.rs).
#
#   cargo build --release --workspace --bins && benches/recovery.sh [ROUNDS]
#
# KEYS (1000000) per kind, RATE (5000). KEEP=1 keeps the figures in results/raw.
set -euo pipefail
cd "$(dirname "$0")"
HERE=$PWD ROOT=$PWD/..
ROUNDS=${1:-1} KEYS=${KEYS:-1000000} RATE=${RATE:-5000} LIVE=16 SNAPSHOT_S=60
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}/release
TOLLGATE=${TOLLGATE:-$TARGET/tollgate} MEASURE=$TARGET/measure
for program in "$TOLLGATE" "$MEASURE"; do
  [[ -x $program ]] || { echo "no $program: cargo build --release --workspace --bins"; exit 1; }
done

WORK=$(mktemp -d)
BROKER= BROKER_PID= JOB= LOAD=
topic() { "$MEASURE" "$@"; }
# shellcheck source=peers/broker.sh
source "$HERE/peers/broker.sh"
end() {
  [[ -z $LOAD ]] || kill "$LOAD" 2>/dev/null || true
  [[ -z $JOB ]] || kill -9 "$JOB" 2>/dev/null || true
  wait "$LOAD" "$JOB" 2>/dev/null || true
  stop_broker
  rm -rf "$WORK"
}
trap end EXIT
start_job() {
  "$TOLLGATE" run "$WORK/run.yaml" >>"$WORK/log" 2>&1 &
  JOB=$!
}
snapshots() { grep -c 'kept a snapshot' "$WORK/log" || true; }

HTTP=127.0.0.1:$(free_port)
start_broker "$WORK/broker"
COUNT=$((KEYS * LIVE))
topic fill "$BROKER" in 4 "$KEYS" "$LIVE" "$COUNT"
topic fill "$BROKER" out 4 "$KEYS" "$LIVE" 0
cat >"$WORK/run.yaml" <<EOF
name: recovery
pack: $HERE/kafka
source: { kafka: { brokers: "$BROKER", topic: in, start: earliest, format: json } }
sinks: { decisions: { kafka: { topic: out, packing: ndjson } } }
delivery: { commit_every: 10ms }
state: { dir: "$WORK/state", snapshot_every: ${SNAPSHOT_S}s }
http: { listen: "$HTTP" }
EOF
start_job
"$MEASURE" drain "$BROKER" out "$COUNT"
echo "commit $(git rev-parse --short HEAD), $(nproc) cores, load $(cut -d ' ' -f 1-3 /proc/loadavg), $COUNT events of $KEYS keys of each of 4 kinds"
TOLD=() FIRST=$COUNT
for round in $(seq "$ROUNDS"); do
  # Two snapshots' time at least: the second one is of this load.
  seconds=$((4 * SNAPSHOT_S))
  kept=$(snapshots)
  "$MEASURE" visible "$BROKER" in out "$KEYS" "$LIVE" "$FIRST" "$RATE" "$seconds" >"$WORK/told" 2>"$WORK/load" &
  LOAD=$!
  until (($(snapshots) > kept + 1)); do kill -0 "$JOB" "$LOAD"; sleep 0.2; done
  sleep $((SNAPSHOT_S * 9 / 10))
  memory=$(awk '/VmHWM/ { print $2 }' "/proc/$JOB/status")
  kill -9 "$JOB"
  wait "$JOB" 2>/dev/null || true
  start_job
  wait "$LOAD" || { cat "$WORK/load" >&2; exit 1; }
  LOAD= FIRST=$((FIRST + RATE * seconds))
  echo "memory before the kill $memory kB; $(cat "$WORK/told")"
  grep -E 'restored a snapshot|rebuilding|live$|live ' "$WORK/log" | tail -n 4
  TOLD+=("$(python3 -c 'import json, sys; print(json.load(open(sys.argv[1]))["behind"] / 1e3)' "$WORK/told")")
  du -sm "$WORK/state" | awk '{ print "snapshots on disk: " $1 " MB" }'
done
echo "kill to caught up, s: ${TOLD[*]}"
if [[ -n ${KEEP:-} ]]; then
  "$MEASURE" record recovery "KEYS=$KEYS RATE=$RATE benches/recovery.sh $ROUNDS" "${TOLD[@]}"
  "$MEASURE" page
fi
