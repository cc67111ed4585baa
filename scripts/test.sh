#!/usr/bin/env bash
# Every test: unit, engine (root), end-to-end (root). Installs, builds and makes the images that they need.
# Arguments go to vitest: `npm test -- --project e2e shop`.
set -euo pipefail
cd "$(dirname "$0")/.."

if [ "$(id -u)" != 0 ]; then
  echo "test: the engine's and the end-to-end tests need root; \`npm run ok\` runs the others" >&2
  exit 1
fi
bash scripts/install.sh
bash scripts/build-if-stale.sh
bash scripts/images/build.sh
exec npx vitest run "$@"
