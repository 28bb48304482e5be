# buildah: builds an image without a daemon. Where it is installed, that one is used; else Debian's packages are
# unpacked below target/, never installed. Needs say.bash.

BUILDAH_PACKAGES=(buildah golang-github-containers-common golang-github-containers-image libdevmapper1.02.1 libgpgme11 libassuan0)

# bring_buildah ROOT: makes `buildah` run, with images and everything else of it below ROOT/target/deploy/buildah.
bring_buildah() {
  local folder=$1/target/deploy/buildah
  mkdir -p "$folder"
  if ! buildah --version >/dev/null 2>&1; then
    [[ -d $folder/unpacked ]] || unpack_buildah "$folder" || return 1
    use_unpacked "$folder/unpacked"
    buildah --version >&2 || return 1
  fi
  printf '[storage]\ndriver = "vfs"\nrunroot = "%s/run"\ngraphroot = "%s/images"\n' "$folder" "$folder" >"$folder/storage.conf"
  printf '{"default": [{"type": "insecureAcceptAnything"}]}\n' >"$folder/policy.json"
  export CONTAINERS_STORAGE_CONF=$folder/storage.conf
}

# unpack_buildah FOLDER: Debian's packages, into FOLDER/unpacked once all are there.
unpack_buildah() {
  local deb
  command -v apt-get >/dev/null || return 1
  # A new machine has no package lists yet.
  if ! apt-cache show buildah >/dev/null 2>&1 && ((EUID == 0)); then apt-get update -qq >&2; fi
  say "downloading from Debian: ${BUILDAH_PACKAGES[*]}"
  rm -rf "$1"/{packages,new}
  mkdir "$1"/{packages,new}
  # As root, apt would drop to a user that may not write here.
  (cd "$1/packages" && apt-get download -q -o APT::Sandbox::User=root "${BUILDAH_PACKAGES[@]}" >&2) || return 1
  for deb in "$1"/packages/*.deb; do dpkg-deb -x "$deb" "$1/new" || return 1; done
  mv "$1/new" "$1/unpacked"
}

# use_unpacked FOLDER: programs and libraries below it are found.
use_unpacked() {
  local library
  export PATH=$1/usr/bin:$PATH
  for library in "$1"/{usr/,}lib/*-linux-gnu; do
    if [[ -d $library ]]; then export LD_LIBRARY_PATH=$library${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}; fi
  done
}
