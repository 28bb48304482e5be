# Builds Go's own trace reader as a program to be compared with, from a copy of the package in the given installation.
# Refuses to keep anything of it: the copy lives where the caller says and goes with it.

# build_trace_peer GO FOLDER: leaves the program as FOLDER/peer and the package's test data at FOLDER/testdata.
build_trace_peer() {
  local go=$1 folder=$2 here source
  here=$(dirname "${BASH_SOURCE[0]}")
  source=$(GOTOOLCHAIN=local "$go" env GOROOT)/src/internal/trace
  mkdir -p "$folder"
  cp "$here"/peer/*.go "$folder"
  cp -r "$source" "$folder/trace"
  cp "$here"/inside/*.go "$folder/trace"
  mv "$folder/trace/testdata" "$folder/testdata"
  chmod -R u+w "$folder"
  find "$folder/trace" -name '*_test.go' -delete
  rm -rf "$folder/trace/testtrace"
  find "$folder/trace" -name '*.go' -exec sed -i 's|"internal/trace|"example.org/peer/trace|' {} +
  # Its times are pushed apart so that they always rise; ours are as they were written (TRACE: "raw time").
  grep -q 'e.base.time = r.lastTs + 1' "$folder/trace/reader.go"
  sed -i 's|e.base.time = r.lastTs + 1|_ = 0|' "$folder/trace/reader.go"
  printf 'module example.org/peer\n\ngo 1.25\n' >"$folder/go.mod"
  (cd "$folder" && GOTOOLCHAIN=local GOFLAGS=-mod=mod GOPROXY=off CGO_ENABLED=0 "$go" build -o peer .)
}
