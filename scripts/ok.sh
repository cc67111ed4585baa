#!/usr/bin/env bash
# All the quick checks: types, lint and format, generated files, unit tests. Needs no root and touches no container.
set -euo pipefail
cd "$(dirname "$0")/.."

step() {
  local started=$SECONDS
  echo "ok: $1"
  shift
  "$@"
  echo "ok: done in $((SECONDS - started)) s"
}

step "generated files" npm run --silent generate
step "types" npm run --silent typecheck
step "lint and format" npx biome check .
step "unit tests" npx vitest run --project unit "$@"
