#!/usr/bin/env bash
# Engine latency (record bytes in, decision bytes out) at half the sustainable rate, open loop: see measure/latency.rs.
#
# The pack and the events are those of kafka_to_kafka.sh: 12 windows, 50 rules. The first half of the events makes the
# state warm and says the sustainable rate; the other half comes at random times, a quarter gross, a quarter net.
#
#   cargo build --release --workspace --bins && benches/latency.sh [ROUNDS]
#
# EVENTS (3000000), KEYS (50000) per kind. KEEP=1 keeps the figures in results/raw, unless the machine was elsewhere for
# more than a twentieth of the time of any round: then they tell about the machine.
set -euo pipefail
cd "$(dirname "$0")"
ROUNDS=${1:-3} EVENTS=${EVENTS:-3000000} KEYS=${KEYS:-50000}
MEASURE=${CARGO_TARGET_DIR:-$PWD/../target}/release/measure
[[ -x $MEASURE ]] || { echo "no $MEASURE: cargo build --release --workspace --bins"; exit 1; }

WORK=$(mktemp -d)
trap 'rm -rf "$WORK"' EXIT
python3 peers/generate.py "$EVENTS" "$KEYS" 1 "$WORK/events.ndjson"
echo "commit $(git rev-parse --short HEAD), $(nproc) cores, load $(cut -d ' ' -f 1-3 /proc/loadavg), $EVENTS events, $KEYS keys per kind"
for _ in $(seq "$ROUNDS"); do "$MEASURE" latency kafka "$WORK/events.ndjson" | tee -a "$WORK/told"; done
if [[ -n ${KEEP:-} ]]; then
  python3 -c 'import json, sys
shares = [json.loads(line)[run]["gaps_share_of_time"] for line in open(sys.argv[1]) for run in ("gross_us", "net_us")]
if max(shares) > 0.05: sys.exit(f"not kept: the machine was elsewhere for {100 * max(shares):.0f} % of the time")' "$WORK/told"
  # keep ID PATH...: the figures found there in each round's line.
  keep() {
    mapfile -t figures < <(python3 -c 'import json, sys
for line in open(sys.argv[1]):
    found = json.loads(line)
    for name in sys.argv[2:]: found = found[name]
    print(found)' "$WORK/told" "${@:2}")
    "$MEASURE" record "$1" "EVENTS=$EVENTS KEYS=$KEYS benches/latency.sh $ROUNDS" "${figures[@]}"
  }
  keep engine-sustainable sustainable_per_second
  keep engine-latency-p999-gross gross_us p99.9
  keep engine-latency-p999-net net_us p99.9
  "$MEASURE" page
fi
