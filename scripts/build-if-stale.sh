#!/usr/bin/env bash
# Builds dist/ unless it is newer than everything it is made of.
set -euo pipefail
cd "$(dirname "$0")/.."
built=dist/stowage.js
if [ -f "$built" ] && [ -z "$(find src scripts package.json package-lock.json bin -newer "$built" -type f -print -quit)" ]; then
  exit 0
fi
echo "build: dist/"
npm run --silent build
