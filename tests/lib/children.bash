# Background programs of a script: started with a log each, ended by pid on every way out.
# Refuses to end anything it did not start itself: only pids that are still this shell's running jobs get a signal.

children=()

# start_child LOG COMMAND…: starts it; its pid is in $child.
start_child() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 </dev/null &
  child=$!
  children+=("$child")
}

# child_runs PID: whether it is a running job of this shell.
child_runs() { jobs -rp | grep -qx "$1"; }

# stop_children: asks each to end, and after 5 s makes it.
stop_children() {
  local pid tries
  for pid in "${children[@]}"; do
    if child_runs "$pid"; then kill -TERM "$pid"; fi
  done
  for pid in "${children[@]}"; do
    for ((tries = 0; tries < 50; tries++)); do
      child_runs "$pid" || break
      sleep 0.1
    done
    if child_runs "$pid"; then kill -KILL "$pid"; fi
  done
  children=()
}

# free_port: prints a loopback port nobody listens on now.
free_port() {
  local port
  for _ in {1..100}; do
    port=$((20000 + RANDOM % 12000))
    if ! (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      printf '%s\n' "$port"
      return
    fi
  done
  return 1
}

# http_get HOST:PORT PATH: prints the body; needs no curl. HTTP/1.0, so that the body is not chunked.
http_get() {
  local host=${1%:*} port=${1##*:}
  (
    exec 3<>"/dev/tcp/$host/$port" || exit 1
    printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$2" "$1" >&3
    sed '1,/^\r$/d' <&3
  ) 2>/dev/null
}
