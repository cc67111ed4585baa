#!/usr/bin/env bash
# Unpacks the newest docker, dockerd, containerd, docker compose and buildx of a newer Debian suite into a private
# folder, beside the machine's own packages, for comparisons and for tests with the real clients. Starts nothing.
# Usage: peers.sh   (prints the folder to put first on the PATH, and the folder of the CLI plug-ins, one a line)
set -euo pipefail
dir=${STOWAGE_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/stowage-peers}
stamp=$dir/complete-1

if [ ! -e "$stamp" ]; then
  echo "peers: unpacking docker 28 and docker compose 2.40 (once)" >&2
  mkdir -p "$dir"/{apt/lists/partial,apt/cache/archives/partial,debs,root}
  source_uri=$( (grep -hoP '^URIs: \K\S+' /etc/apt/sources.list.d/*.sources 2>/dev/null || true
    grep -hoP '^deb (\[[^]]*\] )?\Khttps?://\S+' /etc/apt/sources.list /etc/apt/sources.list.d/*.list 2>/dev/null || true) | head -1)
  [ -n "$source_uri" ] || { echo "peers: no package source found in apt's configuration" >&2; exit 1; }
  keyring=/usr/share/keyrings/debian-archive-keyring.gpg
  for suite in trixie sid; do echo "deb [signed-by=$keyring] $source_uri $suite main"; done >"$dir/apt/sources.list"
  options=(-o "Dir::Etc::sourcelist=$dir/apt/sources.list" -o Dir::Etc::sourceparts=/dev/null
    -o "Dir::State::Lists=$dir/apt/lists" -o "Dir::Cache=$dir/apt/cache" -o APT::Sandbox::User=root)
  apt-get "${options[@]}" update -qq >&2
  (cd "$dir/debs" && apt-get "${options[@]}" download -qq docker.io docker-cli docker-compose docker-buildx containerd tini-static >&2)
  for package in "$dir"/debs/*.deb; do dpkg -x "$package" "$dir/root"; done
  rm -rf "$dir/debs" "$dir/apt"
  touch "$stamp"
fi
echo "$dir/root/usr/sbin:$dir/root/usr/bin"
echo "$dir/root/usr/libexec/docker/cli-plugins"
