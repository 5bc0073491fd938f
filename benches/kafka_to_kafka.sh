#!/usr/bin/env bash
# Decisions per CPU-second from topic to topic on a real broker on loopback: `tollgate run` with kafka/pack.yaml (12
# windows, 50 rules), JSON in, decisions packed; the whole process with the client's threads. Beside it, in turn, the bare
# client loop, which consumes the same records and produces packs of the same size and does nothing else: the
# difference is what deciding costs.
#
# Both over N and over 3 N events; what is told is (CPU of 3 N − CPU of N) / 2 N, so that start and end are not in it.
#
#   cargo build --release --workspace --bins && benches/kafka_to_kafka.sh [ROUNDS]
#
# EVENTS (400000) is N, KEYS (10000) per kind: an hour holds 18 events of a key. KEEP=1 keeps the figures in results/raw.
set -euo pipefail
cd "$(dirname "$0")"
HERE=$PWD ROOT=$PWD/..
ROUNDS=${1:-3} EVENTS=${EVENTS:-400000} KEYS=${KEYS:-10000}
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}/release
TOLLGATE=${TOLLGATE:-$TARGET/tollgate} MEASURE=$TARGET/measure
for program in "$TOLLGATE" "$MEASURE"; do
  [[ -x $program ]] || { echo "no $program: cargo build --release --workspace --bins"; exit 1; }
done

WORK=$(mktemp -d)
BROKER= BROKER_PID=
topic() { "$MEASURE" "$@"; }
# shellcheck source=peers/broker.sh
source "$HERE/peers/broker.sh"
trap 'stop_broker; rm -rf "$WORK"' EXIT

# cpu COUNT NAME: processor seconds of `tollgate run` over the first COUNT events, into the topic NAME.
cpu() {
  topic load "$BROKER" /dev/null 0 "$2"
  cat >"$WORK/$2.yaml" <<EOF
name: $2
pack: $HERE/kafka
source: { kafka: { brokers: "$BROKER", topic: in-$1, start: earliest, format: json } }
sinks: { decisions: { kafka: { topic: $2, packing: ndjson } } }
state: { dir: "$WORK/state-$2" }
EOF
  python3 "$HERE/peers/cpu.py" --reader "$MEASURE drain $BROKER $2 $1" "$TOLLGATE" run "$WORK/$2.yaml" 2>"$WORK/log" ||
    { tail -n 20 "$WORK/log" >&2; exit 1; }
}

# bare COUNT NAME: the same of the bare loop.
bare() {
  topic load "$BROKER" /dev/null 0 "$2"
  python3 "$HERE/peers/cpu.py" "$MEASURE" loop "$BROKER" "in-$1" "$2" "$1" "$BYTES" 2>"$WORK/log" ||
    { tail -n 20 "$WORK/log" >&2; exit 1; }
}

python3 "$HERE/peers/generate.py" $((3 * EVENTS)) "$KEYS" 1 "$WORK/events.ndjson"
# As large as a decision is on average, line break included, by a run from file to file.
cat >"$WORK/file.yaml" <<EOF
name: bytes
pack: $HERE/kafka
source: { file: { path: "$WORK/head.ndjson" } }
sinks: { decisions: { file: { path: "$WORK/decisions.ndjson" } } }
state: { dir: "$WORK/state" }
EOF
head -n "$EVENTS" "$WORK/events.ndjson" >"$WORK/head.ndjson"
"$TOLLGATE" run "$WORK/file.yaml" >"$WORK/log" 2>&1 || { tail -n 20 "$WORK/log" >&2; exit 1; }
BYTES=$(($(stat -c %s "$WORK/decisions.ndjson") / EVENTS))
rm "$WORK/decisions.ndjson" "$WORK/head.ndjson"

start_broker "$WORK/broker"
for count in "$EVENTS" $((3 * EVENTS)); do topic load "$BROKER" "$WORK/events.ndjson" "$count" "in-$count"; done

echo "commit $(git rev-parse --short HEAD), $(nproc) cores, load $(cut -d ' ' -f 1-3 /proc/loadavg), $EVENTS and $((3 * EVENTS)) events, \
$KEYS keys per kind, $BYTES bytes a decision"
OURS=() BARE=()
for round in $(seq "$ROUNDS"); do
  o1=$(cpu "$EVENTS" "o1-$round") b1=$(bare "$EVENTS" "b1-$round")
  o3=$(cpu $((3 * EVENTS)) "o3-$round") b3=$(bare $((3 * EVENTS)) "b3-$round")
  read -r ours plain < <(awk -v n="$EVENTS" -v o1="$o1" -v o3="$o3" -v b1="$b1" -v b3="$b3" \
    'BEGIN { printf "%.0f %.0f\n", 2 * n / (o3 - o1), 2 * n / (b3 - b1) }')
  OURS+=("$ours") BARE+=("$plain")
  awk -v o="$ours" -v b="$plain" -v o1="$o1" -v o3="$o3" -v b1="$b1" -v b3="$b3" 'BEGIN {
    printf "tollgate %d decisions per CPU-second (%.2f us; %s s, %s s), bare loop %d (%.2f us; %s s, %s s): deciding %.2f us\n",
      o, 1e6 / o, o1, o3, b, 1e6 / b, b1, b3, 1e6 / o - 1e6 / b }'
done
if [[ -n ${KEEP:-} ]]; then
  command="EVENTS=$EVENTS KEYS=$KEYS benches/kafka_to_kafka.sh $ROUNDS"
  "$MEASURE" record kafka-to-kafka "$command" "${OURS[@]}"
  "$MEASURE" record kafka-bare-loop "$command" "${BARE[@]}"
  "$MEASURE" page
fi
