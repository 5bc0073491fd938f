#!/usr/bin/env bash
# Counts the instructions of the five jobs of `benches/jobs.rs` and compares with `benches/instructions.txt`: more than
# 5 % above is an error, more than 5 % below asks for an update.
#
#   benches/instructions.sh                       compare
#   benches/instructions.sh --update "REASON"     write the counts that moved by more than 1 %, with this reason
#   benches/instructions.sh --counts FILE         compare counts that were made before: a job and a number to a line
#
# Counts depend on the compiler and a little on the processor valgrind finds; the file says what they were made with.
set -euo pipefail
cd "$(dirname "$0")/.."
kept=benches/instructions.txt
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT

count() {
  cargo build --release --workspace --bin jobs
  local jobs=${CARGO_TARGET_DIR:-target}/release/jobs job
  for job in $("$jobs"); do
    valgrind --tool=callgrind --collect-atstart=no --toggle-collect='*measured_job*' \
      --callgrind-out-file=/dev/null "$jobs" "$job" 2>"$made/log" || { cat "$made/log" >&2; exit 1; }
    awk -v job="$job" '$2 == "Collected" { print job, $4 }' "$made/log"
  done
}

case ${1:-} in
--counts) cp "$2" "$made/counts" ;;
*) count >"$made/counts" ;;
esac

if [[ ${1:-} == --update ]]; then
  reason=${2:?a reason}
  awk -v reason="$reason" -v with="$(rustc --version), $(valgrind --version)" '
    FNR == NR { counts[$1] = $2; order[FNR] = $1; next }
    /^#/ { print /^# Made with/ ? "# Made with " with "." : $0; next }
    NF { name = $1; old[name] = $2; $1 = $2 = ""; sub(/^ +/, ""); why[name] = $0 }
    END {
      for (at = 1; at in order; at++) {
        job = order[at]; count = counts[job]; moved = count / (old[job] ? old[job] : 1) - 1
        if (moved <= 0.01 && moved >= -0.01) { count = old[job]; text = why[job] } else text = reason
        printf "%-14s %12d  %s\n", job, count, text
      }
    }' "$made/counts" "$kept" >"$made/kept"
  cp "$made/kept" "$kept"
  cat "$kept"
  exit
fi

awk -v kept="$kept" '
  FNR == NR { counts[$1] = $2; next }
  /^#/ || !NF { next }
  !($1 in counts) || counts[$1] + 0 == 0 { printf "%-14s not counted\n", $1; bad = 1; next }
  {
    change = 100 * (counts[$1] / $2 - 1); verdict = ""
    if (change > 5) { verdict = "GREW: make it cheaper, or --update with a reason"; bad = 1 }
    if (change < -5) verdict = "shrank: --update, so that it stays so"
    printf "%-14s %12d  kept %12d  %+6.2f %%  %s\n", $1, counts[$1], $2, change, verdict
    delete counts[$1]
  }
  END { for (job in counts) { printf "%-14s is not in %s\n", job, kept; bad = 1 } exit bad }
' "$made/counts" "$kept"
