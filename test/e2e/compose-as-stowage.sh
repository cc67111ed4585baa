#!/usr/bin/env bash
# Stands in for bin/stowage with docker compose on a dockerd: what a scenario expects can be held against the original.
#   STOWAGE_E2E_BIN=test/e2e/compose-as-stowage.sh STOWAGE_E2E_SOCKET=/path npx vitest run --project e2e test/e2e/ports.e2e.ts
set -euo pipefail
socket=$STOWAGE_E2E_SOCKET
export DOCKER_HOST=unix://$socket COMPOSE_PROGRESS=plain
mapfile -t peers < <(STOWAGE_PEERS=${STOWAGE_PEERS:-/root/.cache/stowage-peers} bash "$(dirname "$0")/../../scripts/peers.sh")
export PATH=${peers[0]}:$PATH
mkdir -p "$STOWAGE_RUN"
ln -sfn "$socket" "$STOWAGE_RUN/stowage.sock"
case "$1 ${2:-}" in
  "image load") exec docker load -q -i "$4" ;;
  "daemon "* | "ls -a") exit 0 ;;
esac
exec "${peers[1]}/docker-compose" "$@"
