# What the proofs under tests/deploy run: the static agent, and a real Go service to watch.
# Needs say.bash and go.bash. Refuses an agent that is not static.

# cannot_run WHY: ends a script that cannot run here. tests/run lists it as not run, or as failed with --all.
readonly CANNOT_RUN=77
cannot_run() {
  say "cannot run: $*"
  exit "$CANNOT_RUN"
}

# static_agent ROOT: runs the build command of deploy/container/Dockerfile on the files that it gets to see, and prints
# the agent's path. What the Dockerfile lays into /image and /state goes below target/deploy/stage. The one difference
# is a release build, since the profile `dist` takes minutes more. It shares nothing with other builds: some minutes the
# first time on two cores, a second after that.
static_agent() {
  local root=$1 command build stage=$1/target/deploy/stage context=$1/target/deploy/context
  build=$(realpath --canonicalize-missing "${CARGO_TARGET_DIR:-$root/target}")
  rm -rf "$stage"
  mkdir -p "$stage"
  image_context "$root" "$context" || return 1
  ln -s "$build" "$context/target"
  command=$(sed -n '/^RUN /,/[^\\]$/{s/^RUN //;s/\\$//;p}' "$root/deploy/container/Dockerfile" |
    sed "s|--profile dist|--release|; s|/dist/|/release/|; s# /\(image\|state\)/# $stage/\1/#g" | tr '\n' ' ')
  # Nothing may be laid outside of target/, whatever becomes of the Dockerfile.
  if [[ $command != *" $stage/image/"*" $stage/state/"* || $command =~ \ /(image|state) || $command == *dist* ]]; then
    say "error: the Dockerfile's build command is not as expected: $command"
    return 1
  fi
  (cd "$context" && CARGO_TARGET_DIR=$build bash -euc "$command") >&2 || return 1
  is_static "$stage/image/usr/bin/linger" || return 1
  printf '%s\n' "$stage/image/usr/bin/linger"
}

# image_context ROOT FOLDER: lays into FOLDER what Dockerfile.dockerignore lets through, with its times, by which cargo
# knows what it has built.
image_context() {
  local root=$1 folder=$2 kept
  mapfile -t kept < <(sed -n 's/^!//p' "$root/deploy/container/Dockerfile.dockerignore")
  rm -rf "$folder"
  mkdir -p "$folder"
  (cd "$root" && git ls-files -z --cached --others --exclude-standard -- "${kept[@]}" |
    tar --create --null --files-from=- --ignore-failed-read) | tar --extract --directory "$folder"
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
