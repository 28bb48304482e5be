# The parts of the cost benches: the service, the driver and the agent, built and started. Refuses to be run by itself
# (source it, after say, children, go and process); whoever sources it ends what it starts by stop_children.
# shellcheck disable=SC2034,SC2154 # variables are passed between the sourcing script, children.bash and this one

# build_parts ROOT: the release agent, the service and the driver; sets $linger and $parts.
build_parts() {
  local root=$1 go
  (cd "$root" && cargo build --release --quiet --package linger --bin linger)
  linger=${CARGO_TARGET_DIR:-$root/target}/release/linger
  parts=$root/target/bench/cost
  go=$(find_go "$root")
  build_go "$go" "$root/tests/bench/cost" "$parts" ./service ./driver
}

# says_where LOG: whether the service said where it listens; sets $address.
says_where() { address=$(sed -n 's/^listening on //p' "$1" 2>/dev/null) && [[ $address ]]; }

# start_service LOG GOROUTINES LIFETIME: sets $service (its pid) and $address.
start_service() {
  start_child "$1" "$parts/service" -goroutines "$2" -for "$3"
  service=$child
  wait_for 120 says_where "$1" || die "the service did not start: see $1"
}

# start_agent LOG DATA: an agent at its defaults beside the service; sets $agent (its pid) and $api.
start_agent() {
  api=127.0.0.1:$(free_port)
  start_child "$1" "$linger" agent "http://$address" --data "$2" --listen "$api"
  agent=$child
}

# asked_agent STATUS_FILE: whether it answers; keeps its status as JSON.
asked_agent() { "$linger" status --server "http://$api" --output json >"$1" 2>/dev/null; }

# stop_child PID: asks one to end and waits for it, 15 s at most.
stop_child() {
  kill -TERM "$1" 2>/dev/null || return 0
  wait_for 15 child_ended "$1" || kill -KILL "$1"
  wait "$1" 2>/dev/null || true
}
child_ended() { ! child_runs "$1"; }

# cpu_us: the service's own CPU time in microseconds.
cpu_us() { http_get "$address" /self | cut -d ' ' -f 1; }
