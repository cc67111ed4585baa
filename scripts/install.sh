#!/usr/bin/env bash
# Installs what Stowage needs to run, build and be tested: Debian packages by apt, npm packages by npm.
# Idempotent: says what it installs, and is done at once when nothing is missing.
set -euo pipefail
cd "$(dirname "$0")/.."

# What `up` needs. `stowage doctor` checks the same.
runtime=(runc crun conmon nftables iproute2 aardvark-dns isal tini tar util-linux ca-certificates)
# What the examples, their images and the tests need beside that.
development=(mmdebstrap busybox-static docker-registry skopeo jq curl mariadb-client redis-tools iptables procps e2fsprogs git openssh-client)

install_debian_packages() {
  local missing=() package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  echo "install: Debian packages: ${missing[*]}"
  if [ "$(id -u)" != 0 ]; then
    echo "install: run this once as root: apt-get install --no-install-recommends ${missing[*]}" >&2
    return 1
  fi
  export DEBIAN_FRONTEND=noninteractive
  # No service of a package is to start here: docker-registry and the like are only used by tests, on ports of their own.
  local policy=/usr/sbin/policy-rc.d made_policy=
  if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    made_policy=yes
  fi
  local status=0
  { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; } || status=$?
  if [ "$made_policy" = yes ]; then rm -f "$policy"; fi
  return "$status"
}

install_npm_packages() {
  local stamp=node_modules/.package-lock.json
  if [ -f "$stamp" ] && [ ! package-lock.json -nt "$stamp" ] && [ ! package.json -nt "$stamp" ]; then return 0; fi
  echo "install: npm packages of package-lock.json"
  # `npm ci` refuses a lock file without the optional packages of other systems, which a mirror of the registry may lack.
  npm ci --ignore-scripts --no-audit --no-fund >/dev/null 2>&1 ||
    npm install --ignore-scripts --no-audit --no-fund --loglevel=error
  touch "$stamp"
}

require_node() {
  node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' \
    2>/dev/null && return
  echo "install: Node.js 20.19 or newer is needed, found: $(node --version 2>/dev/null || echo none)" >&2
  return 1
}

require_node
if command -v dpkg-query >/dev/null; then
  install_debian_packages "${runtime[@]}" "${development[@]}"
else
  echo "install: not a Debian system: install the counterparts of ${runtime[*]} yourself, then see \`stowage doctor\`" >&2
fi
install_npm_packages
