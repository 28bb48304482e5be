# What the proofs under tests/deploy run: the static agent, and a real Go service to watch.
# Needs say.bash and go.bash. Refuses an agent that is not static.

# cannot_run WHY: ends a script that cannot run here. tests/run lists it as not run, or as failed with --all.
readonly CANNOT_RUN=77
cannot_run() {
  say "cannot run: $*"
  exit "$CANNOT_RUN"
}

# static_agent ROOT: builds it and prints its path. A release build, since the profile `dist` takes minutes more. With
# --target, because procedural macros and build scripts cannot be static. The static build shares nothing with other
# builds: some minutes the first time on two cores, a second after that.
static_agent() {
  local root=$1 target agent
  target=$(rustc -vV | sed -n 's/^host: //p')
  RUSTFLAGS="-C target-feature=+crt-static" cargo build --release --target "$target" --package linger --bin linger >&2 || return 1
  agent=$(realpath "${CARGO_TARGET_DIR:-$root/target}/$target/release/linger")
  is_static "$agent" || return 1
  printf '%s\n' "$agent"
}

# is_static PROGRAM: it names no program that loads it and no library that it needs.
is_static() {
  local found
  found=$(LC_ALL=C readelf --wide --program-headers --dynamic "$1") || return 1
  if grep -E 'INTERP|\(NEEDED\)' <<<"$found" >&2; then
    say "error: $1 is not static"
    return 1
  fi
}

# service_program ROOT NAME: a service of tests/services: as tests/run built it, else built now.
service_program() {
  local root=$1 name=$2 go program=${LINGER_TEST_SERVICES:-$1/target/services}/newest/$2
  if [[ ! -x $program ]]; then
    go=$(find_go "$root") || return 1
    program=$root/target/deploy/services/$name
    build_go "$go" "$root/tests/services" "$root/target/deploy/services" "./$name" >&2 || return 1
  fi
  realpath "$program"
}

# listening LOG: waits for the line by which a service says where it listens, and prints host:port.
listening() {
  local _ address
  for _ in {1..100}; do
    address=$(sed -n 's/^listening on //p' "$1" 2>/dev/null)
    if [[ $address ]]; then
      printf '%s\n' "$address"
      return
    fi
    sleep 0.1
  done
  say "error: no service came up: $(tail -n 3 "$1")"
  return 1
}
