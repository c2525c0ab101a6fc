#!/usr/bin/env bash
# How long a server takes from its start until it is ready, on an existing database, and how much
# memory it holds when nobody asks it anything.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

runs=${RUNS:-11}
settle=${SETTLE_SECONDS:-10}

cargo build --release --package moodify-server
target=$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')
moodify=$target/release/moodify
folder=$(mktemp -d)
pid=
trap '[ -z "$pid" ] || kill "$pid"; rm -rf "$folder"' EXIT

# Starts the server and leaves the milliseconds until it says that it is ready in `took`.
start() {
  local begin line
  mkfifo "$folder/said"
  begin=$(date +%s%N)
  "$moodify" serve --data "$folder/data" --listen 127.0.0.1:0 >"$folder/said" 2>"$folder/log" &
  pid=$!
  exec 3<"$folder/said"
  # The announcement comes once the listener is bound, the database open and the workers running.
  if ! read -r line <&3; then
    cat "$folder/log" >&2
    exit 1
  fi
  took=$((($(date +%s%N) - begin) / 1000000))
  rm "$folder/said"
}

stop() {
  kill "$pid"
  wait "$pid" || true
  pid=
  exec 3<&-
}

start
echo "start to ready, empty folder: $took ms"
stop

times=()
for _ in $(seq "$runs"); do
  start
  times+=("$took")
  stop
done
sorted=$(printf '%s\n' "${times[@]}" | sort -n)
echo "start to ready, existing database: median $(sed -n "$(((runs + 1) / 2))p" <<<"$sorted") ms," \
  "slowest $(tail -n 1 <<<"$sorted") ms of $runs"

start
sleep "$settle"
echo "idle memory after $settle s: $(awk '/^VmRSS/ {printf "%.1f", $2 / 1024}' "/proc/$pid/status") MiB resident"
stop
