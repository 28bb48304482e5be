# What Linux tells of a process in /proc: memory, CPU time, threads. Refuses to be run by itself (source it).

# status_of PID NAME: a line of /proc/PID/status, its number: VmRSS and VmHWM in KiB, Threads.
status_of() { awk -v name="$2:" '$1 == name { print $2 }' "/proc/$1/status"; }

# cpu_ms PID: CPU time of the whole process, also of threads that ended, in milliseconds and steps of ten.
cpu_ms() {
  local hz
  hz=$(getconf CLK_TCK)
  # The name may hold blanks and brackets: fields are counted after it (proc(5), 14 and 15).
  sed 's/^.*) //' "/proc/$1/stat" | awk -v hz="$hz" '{ print ($12 + $13) * 1000 / hz }'
}

# threads_of PID: `NAME TID CPU_NS TIMES_RUN` for each living thread, blanks in names replaced.
threads_of() {
  local task name
  for task in "/proc/$1/task/"*; do
    name=$(tr ' ' '_' 2>/dev/null <"$task/comm") || continue
    awk -v name="$name" -v tid="${task##*/}" '{ print name, tid, $1, $3 }' "$task/schedstat" 2>/dev/null || true
  done
}

# wait_for SECONDS COMMAND…: runs the command each 0.1 s until it succeeds.
wait_for() {
  local tries=$(($1 * 10))
  shift
  for ((; tries > 0; tries--)); do
    if "$@"; then return; fi
    sleep 0.1
  done
  return 1
}
