#!/usr/bin/env bash
# Makes the images that examples and tests run on, from the machine's own Debian mirror: no image registry is asked.
# Each is an archive for `stowage image load` and `docker load`, kept per machine and made anew only when it changed.
# Usage: build.sh [name...]      all: busybox debian mariadb redis tomcat
# Prints nothing when everything is there. Images are in ${XDG_CACHE_HOME:-~/.cache}/stowage-images/<name>.tar
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
cache=${XDG_CACHE_HOME:-$HOME/.cache}/stowage-images
suite=bookworm
all=(busybox debian redis mariadb tomcat)

main() {
  local names=("$@") pids=() failed=0 name pid
  [ ${#names[@]} -gt 0 ] || names=("${all[@]}")
  mkdir -p "$cache"
  # One at a time on a machine, and a partial file of a run that was killed is nobody's.
  exec 9>"$cache/.lock"
  flock 9
  rm -rf "$cache"/.partial-*
  for name in "${names[@]}"; do
    [ -f "$here/$name/image.json" ] || { echo "images: no such image: $name (there are: ${all[*]})" >&2; exit 1; }
    is_current "$name" && continue
    # Two at once: the downloads of one overlap the unpacking of the other.
    while [ "$(jobs -rp | wc -l)" -ge 2 ]; do wait -n || failed=1; done
    make_image "$name" 9>&- &
    pids+=($!)
  done
  for pid in ${pids[@]+"${pids[@]}"}; do wait "$pid" || failed=1; done
  return "$failed"
}

# What an image is made of, in one word: another word, another image.
key_of() {
  local name=$1
  {
    cat "$here/archive.mjs"
    (cd "$here" && find "$name" -type f -print0 | sort -z | xargs -0 sha256sum)
    echo "$suite $(dpkg --print-architecture)"
    if [ "$name" = busybox ]; then sha256sum /bin/busybox; fi
  } | sha256sum | cut -c1-16
}

is_current() {
  [ -f "$cache/$1.tar" ] && [ "$(cat "$cache/$1.key" 2>/dev/null)" = "$(key_of "$1")" ]
}

make_image() {
  local name=$1 work started=$SECONDS
  work=$cache/.partial-$name
  mkdir -p "$work"
  echo "images: making $name"
  if [ "$name" = busybox ]; then busybox_rootfs "$work"; else debian_rootfs "$name" "$work"; fi
  node "$here/archive.mjs" "$work/rootfs.tar" "$here/$name/image.json" "$work/image.tar"
  mv "$work/image.tar" "$cache/$name.tar"
  key_of "$name" >"$cache/$name.key"
  rm -rf "$work"
  echo "images: made $name in $((SECONDS - started)) s"
}

debian_rootfs() {
  local name=$1 work=$2 packages= hooks=()
  [ ! -f "$here/$name/packages" ] || packages=$(grep -v '^#' "$here/$name/packages" | paste -sd,)
  [ ! -d "$here/$name/files" ] || hooks+=(--customize-hook="sync-in '$here/$name/files' /")
  # Everything through `$1`, the new root, as mmdebstrap hands it to hooks.
  # shellcheck disable=SC2016
  [ ! -f "$here/$name/setup.sh" ] || hooks+=(--customize-hook='chroot "$1" sh -eu -s <"'"$here/$name/setup.sh"'"')
  sources >"$work/sources.list"
  # Java's packages link manual pages even where none are kept: their folder must exist.
  # shellcheck disable=SC2016
  mmdebstrap --quiet --variant=minbase ${packages:+--include="$packages"} \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-include=/usr/share/doc/*/copyright' \
    --setup-hook='mkdir -p "$1/usr/share/man/man1"' \
    --aptopt='Apt::Install-Recommends "false"' \
    ${hooks[@]+"${hooks[@]}"} \
    "$suite" "$work/rootfs.tar" "$work/sources.list" 2>"$work/log" || {
    echo "images: cannot make $name:" >&2
    tail -n 30 "$work/log" >&2
    return 1
  }
}

# The machine's own Debian sources; whatever else it has (other vendors, other suites) is left out.
sources() {
  local found
  # shellcheck disable=SC2016
  found=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' 'Origin: Debian' |
    awk -v suite="$suite" '$2 ~ "^" suite "(-updates|-security)?$" && $3 == "main"' | sort -u)
  if [ -z "$found" ]; then
    echo "images: apt knows no $suite: run apt-get update, or add its sources" >&2
    return 1
  fi
  while read -r uri release component; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $uri $release $component"
  done <<<"$found"
}

busybox_rootfs() {
  local root=$1/rootfs applet
  mkdir -p "$root"/{bin,etc,home,root,tmp,usr/bin,usr/sbin,var/spool,var/www}
  chmod 1777 "$root/tmp"
  chmod 700 "$root/root"
  cp /bin/busybox "$root/bin/busybox"
  for applet in $(/bin/busybox --list); do
    [ "$applet" = busybox ] || ln "$root/bin/busybox" "$root/bin/$applet"
  done
  ln -s ../../bin/env "$root/usr/bin/env"
  printf 'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n' >"$root/etc/passwd"
  printf 'root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nnogroup:x:65534:\n' >"$root/etc/group"
  # One time for all files: the same busybox gives the same digest.
  tar -C "$root" --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -cf "$1/rootfs.tar" .
}

main "$@"
