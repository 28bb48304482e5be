# Builds the programs that are traced (load/), each by the Go whose traces are wanted.
# Refuses newer language than that Go's: the module says its version.

# build_trace_load GO FOLDER: leaves the program as FOLDER/load.
build_trace_load() {
  local go=$1 folder=$2 version
  version=$(GOTOOLCHAIN=local "$go" env GOVERSION | cut -c 3- | cut -d. -f1-2)
  mkdir -p "$folder"
  cp "$(dirname "${BASH_SOURCE[0]}")"/load/*.go "$folder"
  printf 'module example.org/load\n\ngo %s\n' "$version" >"$folder/go.mod"
  (cd "$folder" && GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off CGO_ENABLED=0 "$go" build -trimpath -o load .)
}
