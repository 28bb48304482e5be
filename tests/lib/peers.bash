# Go programs from Debian that the tests watch as they come. Where one is installed, that one is used; else its
# package is downloaded and unpacked below target/peers, never installed: so no service of it can start, no user is
# made, and no root is needed. Refuses to change the machine.

# package=program
PEERS=(
  "prometheus=prometheus"
  "prometheus=promtool"
  "prometheus-node-exporter=prometheus-node-exporter"
  "etcd-server=etcd"
  "caddy=caddy"
  "victoria-metrics=victoria-metrics"
  "libfaketime=libfaketimeMT.so.1"
)

# peer_path ROOT PROGRAM: where a program is, or would be once its package is unpacked; a library is no program, and lies
# in a folder named after the machine.
peer_path() {
  local folder
  case $2 in
    lib*)
      for folder in /usr/lib "$1/target/peers/unpacked/usr/lib"; do
        find "$folder" -path "*/faketime/$2" 2>/dev/null
      done | head -n 1
      ;;
    *) command -v "$2" || printf '%s\n' "$1/target/peers/unpacked/usr/bin/$2" ;;
  esac
}

# link_peers ROOT: links to those that are here go to ROOT/target/peers/bin; prints the names of those that are not.
link_peers() {
  local root=$1 peer program path
  mkdir -p "$root/target/peers/bin"
  for peer in "${PEERS[@]}"; do
    program=${peer#*=}
    path=$(peer_path "$root" "$program")
    if [[ -f $path ]]; then ln -sfn "$path" "$root/target/peers/bin/$program"; else printf '%s\n' "$program"; fi
  done
}

# download_peers ROOT: downloads and unpacks the packages of those that are not here.
download_peers() {
  local root=$1 missing packages=() peer package deb folder=$1/target/peers
  missing=$(link_peers "$root")
  if [[ -z $missing ]]; then return; fi
  if ! command -v apt-get >/dev/null || ! command -v dpkg-deb >/dev/null; then
    say "not a Debian machine: $missing cannot be downloaded"
    return 1
  fi
  for peer in "${PEERS[@]}"; do
    package=${peer%%=*}
    if [[ " ${packages[*]} " == *" $package "* ]]; then continue; fi
    if grep -qx "${peer#*=}" <<<"$missing"; then packages+=("$package"); fi
  done
  # A new machine has no package lists yet.
  for package in "${packages[@]}"; do
    if ! apt-cache show "$package" >/dev/null 2>&1; then
      if ((EUID == 0)); then apt-get update -qq >&2; fi
      break
    fi
  done
  say "downloading from Debian: ${packages[*]}"
  rm -rf "$folder/packages"
  mkdir -p "$folder/packages" "$folder/unpacked"
  # As root, apt would drop to a user that may not write here.
  (cd "$folder/packages" && apt-get download -q -o APT::Sandbox::User=root "${packages[@]}" >&2) || return 1
  for deb in "$folder"/packages/*.deb; do dpkg-deb -x "$deb" "$folder/unpacked"; done
  missing=$(link_peers "$root")
  if [[ $missing ]]; then
    say "Debian's packages lack: $missing"
    return 1
  fi
}
