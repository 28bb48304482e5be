# The parts of the census' benches: linger-probe's examples, and the service whose defers they count. Refuses to be run by
# itself (source it, after say, children, go and process); whoever sources it ends what it starts by stop_children.
# shellcheck disable=SC2034,SC2154 # variables are passed between the sourcing script, children.bash and this one

# build_parts ROOT: the examples in a release build; sets $out and $examples.
build_parts() {
  out=$1/target/bench/census
  mkdir -p "$out"
  (cd "$1" && cargo build --release --quiet --package linger-probe --example piles --example census)
  examples=${CARGO_TARGET_DIR:-$1/target}/release/examples
}

# build GO BUILD: the service, built in one of the ways; prints its path.
build() {
  local version cgo=0 flags=()
  version=$(go_version "$1")
  case $2 in
    plain) ;;
    stripped) flags=(-ldflags "-s -w") ;;
    pie) flags=(-buildmode pie) ;;
    cgo) cgo=1 flags=(-tags callbacks) ;;
    cgo-pie-stripped) cgo=1 flags=(-tags callbacks -buildmode pie -ldflags "-s -w") ;;
  esac
  (cd "$root/tests/services" && CGO_ENABLED=$cgo GOTOOLCHAIN=local GOWORK=off GOPROXY=off GOFLAGS=-mod=mod \
    "$1" build -trimpath "${flags[@]}" -o "$out/piles-$version-$2" ./piles)
  printf '%s\n' "$out/piles-$version-$2"
}

says_where() { address=$(sed -n 's/^listening on //p' "$1" 2>/dev/null) && [[ $address ]]; }

# start PROGRAM [LIFETIME]: a service; sets $service (its pid) and $address.
start() {
  # The one before must not be taken for this one's, which is begun by the child.
  rm -f "$out/service.log"
  start_child "$out/service.log" "$1" -for "${2:-20m}"
  service=$child
  wait_for 20 says_where "$out/service.log" || die "the service did not start: see $out/service.log"
}

# stop: ends the service.
stop() {
  kill -TERM "$service"
  wait "$service" 2>/dev/null || true
}

# ask PATH: the service does it; kinds that a build does not have are left out.
ask() { http_get "$address" "$1" >/dev/null || die "the service does not answer $1: see $out/service.log"; }
