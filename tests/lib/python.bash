# Python packages that tests run, brought from PyPI below target/: never installed on the machine.

# bring_python ROOT FOLDER PACKAGE==VERSION…: programs go to ROOT/target/FOLDER/bin, modules beside them.
bring_python() {
  local folder=$1/target/$2 wanted
  shift 2
  wanted=$(printf '%s\n' "$@")
  if [[ $(cat "$folder/brought" 2>/dev/null) == "$wanted" ]]; then return; fi
  rm -rf "$folder"
  mkdir -p "$folder"
  python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore --only-binary :all: \
    --target "$folder" "$@" >&2 || return 1
  printf '%s\n' "$wanted" >"$folder/brought"
}
