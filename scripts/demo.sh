#!/usr/bin/env bash
# Brings examples/shop up on Stowage's own engine and shows it answering. Installs, builds and makes what is missing.
# STOWAGE_IMAGES=official insists on the official images, =local on the ones made here; else the official ones are
# used where a registry gives them.
set -euo pipefail
cd "$(dirname "$0")/.."
checkout=$PWD

bash scripts/install.sh
bash scripts/build-if-stale.sh
export PATH=$checkout/bin:$PATH

if ! stowage doctor >/tmp/stowage-doctor.$$ 2>&1; then
  cat /tmp/stowage-doctor.$$
  rm -f /tmp/stowage-doctor.$$
  echo "demo: stowage doctor says what keeps this machine from running containers" >&2
  exit 1
fi
rm -f /tmp/stowage-doctor.$$

cd examples/shop
./get-driver.sh
env_files=()
if [ "${STOWAGE_IMAGES:-}" != local ] && timeout 600 stowage pull --quiet >/dev/null 2>&1; then
  echo "demo: the official images are here"
elif [ "${STOWAGE_IMAGES:-}" = official ]; then
  echo "demo: no registry gives the official images:" >&2
  stowage pull
else
  echo "demo: no image registry answers: images made from Debian's packages stand in (examples/local-images.env)"
  bash "$checkout/scripts/images/build.sh" mariadb redis tomcat
  env_files=(--env-file .env --env-file ../local-images.env)
  for name in mariadb redis tomcat; do
    stowage image ls --format json 2>/dev/null | grep -q "stowage/$name" ||
      stowage image load -i "${XDG_CACHE_HOME:-$HOME/.cache}/stowage-images/$name.tar"
  done
fi

stowage "${env_files[@]}" up -d --wait
stowage "${env_files[@]}" ps -a

# Compose's own rule: the environment wins over .env.
port=${WEB_PORT:-$(sed -n 's/^WEB_PORT=//p' .env)}
echo
echo "demo: http://localhost:$port answers:"
curl --silent --show-error --fail --retry 10 --retry-all-errors --retry-delay 1 "http://localhost:$port/" | sed 's/^/    /'

flags="${env_files[*]:+${env_files[*]} }"
cat <<TEXT

Look around, in examples/shop (\`export PATH=$checkout/bin:\$PATH\` first):
    stowage ${flags}ps
    stowage ${flags}logs -f web
    stowage ${flags}exec db mysql -ushop -pshop-secret shop -e 'SELECT * FROM product'
    stowage ${flags}plan                 # nothing to do, until compose.yaml changes
    docker rm -f shop-cache-1            # with DOCKER_HOST=unix://${STOWAGE_RUN:-/run/stowage}/stowage.sock: it comes back
Take it down:
    stowage ${flags}down                 # -v takes the data too
    stowage daemon stop
TEXT
