#!/usr/bin/env bash
# Proves the dashboard and the rules against the real thing: a Prometheus scrapes a `tollgate run`, and every expression
# of every panel, every template variable and every recording rule must come back with data.
#
# Uses $TOLLGATE if given, else the binary that cargo built last. Everything listens on loopback, writes below one
# temporary directory, and is ended by its pid.
set -euo pipefail
cd "$(dirname "$0")"
root=$(cd .. && pwd)

say() { printf 'dashboards: %s\n' "$*"; }
fail() {
  say "$*" >&2
  exit 1
}

for tool in curl jq prometheus promtool; do
  command -v "$tool" >/dev/null || fail "$tool is not installed (Debian: apt-get install curl jq prometheus)"
done

# Nothing matches more than one line of the list: the newest one that exists.
newest() {
  local found='' candidate
  for candidate in "$@"; do
    if [[ -x $candidate && (-z $found || $candidate -nt $found) ]]; then found=$candidate; fi
  done
  printf '%s' "$found"
}
target=${CARGO_TARGET_DIR:-$root/target}
tollgate=${TOLLGATE:-$(newest "$target/debug/tollgate" "$target/release/tollgate")}
[[ -x $tollgate ]] || fail "no tollgate binary below $target: build it first, or name it in \$TOLLGATE"

say "rules and their tests"
promtool check config prometheus.yml
promtool test rules rules-test.yml

dir=$(mktemp -d)
pids=()
finish() {
  local code=$? pid
  for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  if ((code != 0)); then
    for log in "$dir"/*.log; do
      say "--- end of $(basename "$log")" >&2
      tail -n 20 "$log" >&2
    done
  fi
  rm -rf "$dir"
  exit "$code"
}
trap finish EXIT

free_port() {
  local port
  while port=$((20000 + RANDOM % 30000)) && (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do :; done
  printf '%s' "$port"
}
app=127.0.0.1:$(free_port)
db=127.0.0.1:$(free_port)

sed -e 's/127\.0\.0\.1:9900/'"$app"'/' -e 's/_interval: 10s/_interval: 1s/' \
  -e "s|- \(.*-rules.yml\)|- $PWD/\1|" prometheus.yml >"$dir/prometheus.yml"

# The demo has a log of its own, so that there are commits and snapshots, too.
"$tollgate" demo --plain --listen "$app" >"$dir/tollgate.log" 2>&1 &
pids+=($!)
prometheus --config.file="$dir/prometheus.yml" --storage.tsdb.path="$dir/db" --web.listen-address="$db" \
  >"$dir/prometheus.log" 2>&1 &
pids+=($!)

deadline=$((SECONDS + 120))
alive() {
  local pid
  for pid in "${pids[@]}"; do kill -0 "$pid" 2>/dev/null || fail "a process has ended"; done
  ((SECONDS < deadline)) || fail "$1"
}
until [[ $(curl -fsS "http://$app/readyz" -o /dev/null -w '%{http_code}' 2>/dev/null) == 200 ]]; do
  alive "tollgate does not get ready"
  sleep 0.5
done
until curl -fsS "http://$db/-/ready" >/dev/null 2>&1; do
  alive "prometheus does not get ready"
  sleep 0.5
done
say "tollgate at $app, prometheus at $db"

# As Grafana would fill it in, at a scrape interval of one second.
fill() {
  sed -e 's/\$__rate_interval/15s/g' -e 's/\$job/.+/g' -e 's/\$instance/.+/g' <<<"$1"
}
ask() { curl -fsS "http://$db/api/v1/query" --data-urlencode "query=$1"; }
# An expression has data when it gives at least one number; a quantile of nothing is NaN, and that is none.
has_data() { ask "$1" | jq -e '[.data.result[].value[1] | select(. != "NaN")] | length > 0' >/dev/null; }

count=0
prove() {
  local expression
  expression=$(fill "$2")
  until has_data "$expression"; do
    alive "no data for $1: $expression"
    sleep 1
  done
  count=$((count + 1))
}

while IFS=$'\t' read -r title expression; do
  prove "panel \"$title\"" "$expression"
done < <(jq -r '.panels[] | .title as $title | .targets // [] | .[] | [$title, .expr] | @tsv' tollgate-overview.json |
  sed 's/\\\\/\\/g')
((count > 30)) || fail "only $count expressions were found on the dashboard"
say "$count expressions of the panels have data"

while IFS= read -r query; do
  # label_values(SERIES, LABEL)
  series=$(sed -E 's/label_values\((.*), *[a-z]+\)$/\1/' <<<"$query")
  prove "variable $query" "$series"
done < <(jq -r '.templating.list[] | select(.type == "query") | .query.query' tollgate-overview.json)

for record in $(sed -n 's/.*- record: //p' recording-rules.yml); do
  prove "recording rule $record" "$record"
done

unhealthy=$(curl -fsS "http://$db/api/v1/rules" | jq -r '.data.groups[].rules[] | select(.health == "err") | .name')
[[ -z $unhealthy ]] || fail "rules that cannot be evaluated: $unhealthy"
down=$(ask 'up == 0' | jq '.data.result | length')
[[ $down == 0 ]] || fail "the scrape fails"

say "all $count expressions have data"
