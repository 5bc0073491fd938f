#!/usr/bin/env bash
# What a delivery guarantee costs on a real broker on loopback, in time and in throughput: `tollgate run` with
# kafka/pack.yaml (12 windows, 50 rules), JSON in, topics of four partitions.
#
# visible: RATE events a second on a schedule, and when a reader of committed records has each one's decision
# (measure/visible.rs): exactly once with a commit every 10 ms, and at least once. Beside each, in turn, the bare loop
# that consumes, produces and commits as often and does nothing else (measure/forward.rs). The broker is warmed up before:
# its virtual machine compiles for a minute and a half, and takes the cores of all others for it.
#
# cost: the wall time and the processor time of N and of 3 N events that lie there already, exactly once and at least
# once, a commit every 100 ms; what is told is of the 2 N between them, so that start and end are not in it.
#
#   cargo build --release --workspace --bins && benches/delivery.sh visible|cost [ROUNDS]
#
# EVENTS (2000000) is N, KEYS (10000) per kind, RATE (5000), SECONDS_EACH (23, of which the first three do not count),
# WARM_S (90).
# KEEP=1 keeps the figures in results/raw.
set -euo pipefail
cd "$(dirname "$0")"
HERE=$PWD ROOT=$PWD/..
PART=${1:-visible} ROUNDS=${2:-3}
EVENTS=${EVENTS:-2000000} KEYS=${KEYS:-10000} RATE=${RATE:-5000} SECONDS_EACH=${SECONDS_EACH:-23} WARM_S=${WARM_S:-90} LIVE=18
TARGET=${CARGO_TARGET_DIR:-$ROOT/target}/release
TOLLGATE=${TOLLGATE:-$TARGET/tollgate} MEASURE=$TARGET/measure
for program in "$TOLLGATE" "$MEASURE"; do
  [[ -x $program ]] || { echo "no $program: cargo build --release --workspace --bins"; exit 1; }
done

WORK=$(mktemp -d)
BROKER= BROKER_PID= JOB=
topic() { "$MEASURE" "$@"; }
# shellcheck source=peers/broker.sh
source "$HERE/peers/broker.sh"
stop_job() {
  [[ -n $JOB ]] || return 0
  kill "$JOB" 2>/dev/null || true
  wait "$JOB" 2>/dev/null || true
  JOB=
}
trap 'stop_job; stop_broker; rm -rf "$WORK"' EXIT

# config NAME IN DELIVERY: a pipeline from one topic to the topic NAME.
config() {
  cat >"$WORK/$1.yaml" <<EOF
name: $1
pack: $HERE/kafka
source: { kafka: { brokers: "$BROKER", topic: $2, start: earliest, format: json } }
sinks: { decisions: { kafka: { topic: $1${4:+, packing: $4} } } }
delivery: { $3 }
state: { dir: "$WORK/state-$1" }
http: { listen: "$HTTP" }
EOF
}

# visible WHO MODE EVERY_MS NAME [SECONDS]: the figures of one run, as a line of JSON.
visible() {
  local who=$1 mode=$2 every=$3 name=$4
  topic fill "$BROKER" "in-$name" 4 "$KEYS" "$LIVE" 0
  topic fill "$BROKER" "$name" 4 "$KEYS" "$LIVE" 0
  if [[ $who == bare ]]; then
    "$MEASURE" forward "$BROKER" "in-$name" "$name" "$mode" "$every" >"$WORK/log" 2>&1 &
    JOB=$!
    until grep -q ready "$WORK/log"; do kill -0 "$JOB"; sleep 0.1; done
  else
    config "$name" "in-$name" "mode: $mode, commit_every: ${every}ms"
    "$TOLLGATE" run "$WORK/$name.yaml" >"$WORK/log" 2>&1 &
    JOB=$!
    until curl -fs "http://$HTTP/readyz" >"$WORK/ready" 2>&1; do kill -0 "$JOB"; sleep 0.1; done
  fi
  "$MEASURE" visible "$BROKER" "in-$name" "$name" "$KEYS" "$LIVE" 0 "$RATE" "${5:-$SECONDS_EACH}"
  stop_job
}

# cost MODE COUNT NAME: wall and processor seconds over the first COUNT events.
cost() {
  topic fill "$BROKER" "$3" 4 "$KEYS" "$LIVE" 0
  config "$3" "in-$2" "mode: $1, commit_every: 100ms, commit_records: 1000000" ndjson
  local begun ended cpu
  begun=$(date +%s.%N)
  cpu=$(python3 "$HERE/peers/cpu.py" --reader "$MEASURE drain $BROKER $3 $2" "$TOLLGATE" run "$WORK/$3.yaml" 2>"$WORK/log") ||
    { tail -n 20 "$WORK/log" >&2; exit 1; }
  ended=$(date +%s.%N)
  echo "$(awk -v a="$begun" -v b="$ended" 'BEGIN { printf "%.3f", b - a }') $cpu"
}

keep() {
  [[ -n ${KEEP:-} ]] || return 0
  local id=$1
  shift
  "$MEASURE" record "$id" "RATE=$RATE EVENTS=$EVENTS KEYS=$KEYS benches/delivery.sh $PART $ROUNDS" "$@"
}

HTTP=127.0.0.1:$(free_port)
start_broker "$WORK/broker"
echo "commit $(git rev-parse --short HEAD), $(nproc) cores, load $(cut -d ' ' -f 1-3 /proc/loadavg), $KEYS keys per kind"
case $PART in
  visible)
    visible bare exactly_once 10 warm "$WARM_S" >"$WORK/warm"
    for round in $(seq "$ROUNDS"); do
      for run in "exactly_once 10" "at_least_once 50"; do
        read -r mode every <<<"$run"
        for who in bare tollgate; do
          found=$(visible "$who" "$mode" "$every" "$who-${mode//_/-}-$round")
          echo "$who, $mode, a commit every $every ms: $found"
          echo "{\"who\":\"$who\",\"mode\":\"$mode\",\"found\":$found}" >>"$WORK/told"
        done
      done
    done
    # of WHAT: a figure per round.
    of() {
      python3 -c '
import json, sys
runs = [json.loads(line) for line in open(sys.argv[1])]
found = lambda who, mode, at: [run["found"][at] for run in runs if (run["who"], run["mode"]) == (who, mode)]
exact, bare = (lambda at: found("tollgate", "exactly_once", at)), (lambda at: found("bare", "exactly_once", at))
told = {
    "exact": lambda: exact("p50"),
    "ratio": lambda: [a / b for a, b in zip(exact("p50"), bare("p50"))],
    "tail": lambda: [a - b for a, b in zip(exact("p99.9"), bare("p99.9"))],
    "atleast": lambda: found("tollgate", "at_least_once", "p50"),
}[sys.argv[2]]()
print(*(round(figure, 3) for figure in told))' "$WORK/told" "$1"
    }
    for of in exact ratio tail atleast; do echo "$of: $(of $of)"; done
    # shellcheck disable=SC2046
    {
      keep visible-exactly-once-p50 $(of exact)
      keep visible-exactly-once-ratio $(of ratio)
      keep visible-exactly-once-tail $(of tail)
      keep visible-at-least-once-p50 $(of atleast)
    }
    ;;
  cost)
    for count in "$EVENTS" $((3 * EVENTS)); do topic fill "$BROKER" "in-$count" 4 "$KEYS" "$LIVE" "$count"; done
    WALL=() CPU=()
    for round in $(seq "$ROUNDS"); do
      read -r a1 c1 < <(cost at_least_once "$EVENTS" "a1-$round")
      read -r e1 d1 < <(cost exactly_once "$EVENTS" "e1-$round")
      read -r a3 c3 < <(cost at_least_once $((3 * EVENTS)) "a3-$round")
      read -r e3 d3 < <(cost exactly_once $((3 * EVENTS)) "e3-$round")
      read -r wall cpu < <(awk -v a="$a1" -v b="$a3" -v c="$e1" -v d="$e3" -v e="$c1" -v f="$c3" -v g="$d1" -v h="$d3" \
        'BEGIN { printf "%.2f %.2f\n", 100 * (1 - (b - a) / (d - c)), 100 * ((h - g) / (f - e) - 1) }')
      WALL+=("$wall") CPU+=("$cpu")
      awk -v n=$((2 * EVENTS)) -v a="$a1" -v b="$a3" -v c="$e1" -v d="$e3" -v e="$c1" -v f="$c3" -v g="$d1" -v h="$d3" 'BEGIN {
        printf "at least once %.0f events/s (%.2f us of processor time each), exactly once %.0f events/s (%.2f us)\n",
          n / (b - a), 1e6 * (f - e) / n, n / (d - c), 1e6 * (h - g) / n }'
    done
    echo "throughput lost in %: ${WALL[*]}; processor time more in %: ${CPU[*]}"
    keep exactly-once-cost "${WALL[@]}"
    keep exactly-once-cost-cpu "${CPU[@]}"
    ;;
  *)
    echo "no part $PART: visible or cost"
    exit 2
    ;;
esac
[[ -z ${KEEP:-} ]] || "$MEASURE" page
