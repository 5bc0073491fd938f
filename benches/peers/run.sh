#!/usr/bin/env bash
# The peers beside Tollgate on the job "12 windows": build, make the input, compare all answers, then measure.
#
# The idea: peer and Tollgate take turns in one run, each over N and over 3N events; the difference of their processor
# seconds by 2N is the cost of an event without start-up, loading and most of the warming up. The invariant: nothing is
# timed whose answers were not compared before, value by value.
#
#   benches/peers/run.sh [PEER...]        (all without PEER; names below)
#   TOLLGATE=target/release/tollgate EVENTS=400000 KEYS=20000 SEED=1 ROUNDS=1 HEAP=4g CHECKPOINT_MS=10000
#   PACKING=ndjson has Tollgate write several decisions to a Kafka message, PACKING=none one.
#   CHECK_ONLY=1 stops after comparing. KEEP=1 keeps the ratios in ../results/raw. The full job: KEYS=1000000 EVENTS=20000000 HEAP=12g.
set -euo pipefail
HERE=$(cd "$(dirname "$0")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
TOLLGATE=${TOLLGATE:-${CARGO_TARGET_DIR:-$ROOT/target}/release/tollgate}
EVENTS=${EVENTS:-400000} KEYS=${KEYS:-20000} SEED=${SEED:-1} ROUNDS=${ROUNDS:-1} HEAP=${HEAP:-4g}
CHECKPOINT_MS=${CHECKPOINT_MS:-10000} COMMIT_MS=${COMMIT_MS:-100} PACKING=${PACKING:-ndjson}
FILE_PEERS=(flink-heap flink-heap-shuffle flink-rocks flink-sql)
KAFKA_PEERS=(flink-heap-kafka flink-rocks-kafka streams-rocks streams-mem)
PEERS=("$@")
((${#PEERS[@]})) || PEERS=("${FILE_PEERS[@]}" "${KAFKA_PEERS[@]}")
for peer in "${PEERS[@]}"; do
  [[ " ${FILE_PEERS[*]} ${KAFKA_PEERS[*]} " == *" $peer "* ]] || { echo "no peer $peer: ${FILE_PEERS[*]} ${KAFKA_PEERS[*]}"; exit 2; }
done
[[ -x $TOLLGATE ]] || { echo "no $TOLLGATE: cargo build --release"; exit 1; }

WORK=$(mktemp -d)
BROKER= BROKER_PID= RUN=0
# shellcheck source=broker.sh
source "$HERE/broker.sh"
trap 'stop_broker; rm -rf "$WORK"' EXIT

JAVA=(java "-Xms$HEAP" "-Xmx$HEAP" -XX:+UseParallelGC -Dorg.slf4j.simpleLogger.defaultLogLevel=error
  --add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.lang=ALL-UNNAMED)
FLINK=("${JAVA[@]}" -XX:MaxDirectMemorySize=1g -cp "$HERE/flink/target/classes:$HERE/flink/target/libs/*")
STREAMS=("${JAVA[@]}" -cp "$HERE/kstreams/target/classes:$HERE/kstreams/target/libs/*")
TOPIC=(java -Xmx512m -XX:+UseSerialGC -Dorg.slf4j.simpleLogger.defaultLogLevel=error
  -cp "$HERE/kstreams/target/classes:$HERE/kstreams/target/libs/*" tollgate.peers.kstreams.Topic)
topic() { "${TOPIC[@]}" "$@"; }
over_kafka() { [[ " ${KAFKA_PEERS[*]} " == *" $1 "* ]]; }

# command_of PEER DIRECTORY INPUT OUTPUT: sets COMMAND, and ENDS for one that ends by itself. INPUT and OUTPUT are files or topics.
command_of() {
  local peer=$1 dir=$2 input=$3 output=$4
  ENDS=--ends
  case $peer in
    flink-heap) COMMAND=("${FLINK[@]}" tollgate.peers.flink.Stream heap chain 0 "$dir" file "$input" "$output") ;;
    flink-heap-shuffle) COMMAND=("${FLINK[@]}" tollgate.peers.flink.Stream heap shuffle 0 "$dir" file "$input" "$output") ;;
    flink-rocks) COMMAND=("${FLINK[@]}" tollgate.peers.flink.Stream rocks chain 0 "$dir" file "$input" "$output") ;;
    flink-sql) COMMAND=("${FLINK[@]}" tollgate.peers.flink.Sql heap "$dir" "$input" "$output") ;;
    flink-*-kafka)
      local state=${peer#flink-}
      COMMAND=("${FLINK[@]}" tollgate.peers.flink.Stream "${state%-kafka}" chain "$CHECKPOINT_MS" "$dir" kafka "$BROKER" "$input" "$output") ;;
    streams-*)
      ENDS=
      COMMAND=("${STREAMS[@]}" tollgate.peers.kstreams.Streams "${peer#streams-}" "$COMMIT_MS" "$dir" "$BROKER" "$input" "$output") ;;
    tollgate | tollgate-kafka)
      local pipeline=file
      [[ $peer == tollgate ]] || { pipeline=kafka ENDS=; }
      COMMAND=(env "PEERS_PACK=$HERE/tollgate" "PEERS_INPUT=$input" "PEERS_OUTPUT=$output" "PEERS_DIRECTORY=$dir"
        "PEERS_BROKER=$BROKER" "PEERS_PACKING=$PACKING" "$TOLLGATE" run "$HERE/tollgate/$pipeline.yaml") ;;
  esac
}

# run PEER INPUT EVENTS: runs it once; answers are in $WORK/answers.ndjson, processor seconds in USED.
run() {
  local peer=$1 input=$2 events=$3 dir reader=()
  RUN=$((RUN + 1)) dir=$WORK/run-$RUN
  mkdir "$dir"
  rm -f "$WORK/answers.ndjson"
  if over_kafka "$peer" || [[ $peer == tollgate-kafka ]]; then
    local output=answers-$RUN
    topic load "$BROKER" /dev/null 0 "$output"
    command_of "$peer" "$dir" "$(basename "$input" .ndjson)" "$output"
    reader=(--reader "$(printf '%q ' "${TOPIC[@]}" drain "$BROKER" "$output" "$events" "$WORK/answers.ndjson")" $ENDS)
  else
    command_of "$peer" "$dir" "$input" "$WORK/answers.ndjson"
  fi
  USED=$(python3 "$HERE/cpu.py" "${reader[@]}" "${COMMAND[@]}" 2>"$dir/log") || { tail -n 30 "$dir/log" >&2; exit 1; }
  local rows
  rows=$(wc -l <"$WORK/answers.ndjson")
  ((rows == events)) || { echo "$peer: $rows answers to $events events"; exit 1; }
  rm -rf "$dir"
}

# input NAME EVENTS KEYS: a file, and a topic of the same name when there is a broker.
input() {
  [[ -f $WORK/$1.ndjson ]] && return
  python3 "$HERE/generate.py" "$2" "$3" "$SEED" "$WORK/$1.ndjson"
  [[ -z $BROKER ]] || topic load "$BROKER" "$WORK/$1.ndjson" "$2" "$1"
}

beside() { if over_kafka "$1"; then echo tollgate-kafka; else echo tollgate; fi; }

build=(mvn --quiet --batch-mode --no-transfer-progress --file "$HERE/pom.xml" package)
"${build[@]}" --offline >"$WORK/build" 2>&1 || "${build[@]}"
for peer in "${PEERS[@]}"; do
  if over_kafka "$peer" && [[ -z $BROKER ]]; then start_broker "$WORK/broker"; fi
done

echo "== answers"
input check 20000 1000
python3 "$HERE/reference/reference.py" "$WORK/check.ndjson" "$WORK/expected"
declare -A COMPARED
for peer in "${PEERS[@]}"; do
  for one in "$(beside "$peer")" "$peer"; do
    [[ -z ${COMPARED[$one]:-} ]] || continue
    COMPARED[$one]=yes
    run "$one" "$WORK/check.ndjson" 20000
    python3 "$HERE/reference/compare.py" "$one" "$WORK/expected" "$WORK/answers.ndjson"
  done
done
[[ -z ${CHECK_ONLY:-} ]] || exit 0

echo "== processor time, $(nproc) cores, load $(cut -d ' ' -f 1-3 /proc/loadavg), commit $(git -C "$ROOT" rev-parse --short HEAD), \
tollgate $(sha256sum "$TOLLGATE" | cut -c 1-12) of $(date -u -r "$TOLLGATE" +%FT%RZ)"
declare -A RATIOS
# measure_round PEER ROUND: peer and Tollgate in turn, over N and over 3 N events.
measure_round() {
  local peer=$1 round=$2 scale=1 n keys other p1 p3 t1 t3
  [[ $peer != flink-sql ]] || scale=10 # the same events per key, a tenth of both: it would take an hour
  n=$((EVENTS / scale)) keys=$((KEYS / scale))
  ((n >= 18 * keys)) || echo "note: $n events do not fill an hour of $keys keys"
  input "n-$scale" "$n" "$keys"
  input "3n-$scale" $((3 * n)) "$keys"
  other=$(beside "$peer")
  run "$peer" "$WORK/n-$scale.ndjson" "$n"; p1=$USED
  run "$other" "$WORK/n-$scale.ndjson" "$n"; t1=$USED
  run "$peer" "$WORK/3n-$scale.ndjson" $((3 * n)); p3=$USED
  run "$other" "$WORK/3n-$scale.ndjson" $((3 * n)); t3=$USED
  awk -v peer="$peer" -v other="$other" -v round="$round" -v n="$n" -v p1="$p1" -v p3="$p3" -v t1="$t1" -v t3="$t3" -v keys="$keys" 'BEGIN {
    p = (p3 - p1) / (2 * n) * 1e6; t = (t3 - t1) / (2 * n) * 1e6
    printf "%s round %d, %d keys, %d and %d events: %.2f us (%.2f s, %.2f s); %s %.2f us (%.2f s, %.2f s); ratio %.1f\n",
      peer, round, keys, n, 3 * n, p, p1, p3, other, t, t1, t3, (t > 0 ? p / t : 0) }'
  RATIOS[$peer]+=" $(awk -v p1="$p1" -v p3="$p3" -v t1="$t1" -v t3="$t3" 'BEGIN { printf "%.2f", (p3 - p1) / (t3 - t1) }')"
}

# Rounds outermost: a machine that is slower for a while is so for all.
for round in $(seq "$ROUNDS"); do
  for peer in "${PEERS[@]}"; do measure_round "$peer" "$round"; done
done
if [[ -n ${KEEP:-} ]]; then
  measure=$(dirname "$TOLLGATE")/measure
  for peer in "${PEERS[@]}"; do
    # shellcheck disable=SC2086  # one figure to a word
    "$measure" record "peer-$peer" "EVENTS=$EVENTS KEYS=$KEYS HEAP=$HEAP ROUNDS=$ROUNDS PACKING=$PACKING benches/peers/run.sh $*" ${RATIOS[$peer]}
  done
  "$measure" page
fi
