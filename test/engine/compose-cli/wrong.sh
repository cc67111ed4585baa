# wrong command lines and wrong files
mkdir -p /tmp/stowage-no-file-$PORT; cd /tmp/stowage-no-file-$PORT; compose ps; compose config; compose up -d; cd - >/dev/null; rmdir /tmp/stowage-no-file-$PORT
compose -f nope.yaml ps -q
compose -f nope.yaml config
use shop
compose nope >/dev/null
compose --nope ps
compose ps --nope
compose ps --format json --filter nope
compose ps --filter service=web
compose ps --status nope -q
compose up -d nope
compose up -d --build --no-build
compose up -d --force-recreate --no-recreate
compose up -d --abort-on-container-exit
compose up --abort-on-container-exit --abort-on-container-failure
compose up -d -V --no-recreate
compose up -d --always-recreate-deps --no-recreate
compose up -d --attach web
compose up --attach web --attach-dependencies
compose up -d --watch
compose up -d --pull nope
compose up -d --scale web
compose up -d --timeout x
compose up --exit-code-from nope
compose start nope
compose stop nope
compose restart nope
compose kill nope
compose pause nope
compose unpause nope
compose down nope
compose down --rmi nope
compose create nope
compose pull nope
compose build nope
compose push nope
compose attach nope
compose export nope
compose commit nope x
compose cp
compose port
compose port web
compose port web x
compose logs --tail x
compose ls --format nope
compose ls --filter nope
compose images --format nope
compose config --format
compose version --format nope >/dev/null
compose ps -a -q extra args
compose build
compose pull --policy nope
compose --dry-run up -d db >/dev/null; compose ps -aq
compose --ansi nope ps -q
compose --progress nope ps
compose help >/dev/null
compose --help >/dev/null
compose up --help >/dev/null
compose >/dev/null
printf 'services:\n  a: { image: busybox, nope: 1 }\n' > broken.yaml; compose -f broken.yaml config
compose -f broken.yaml up -d
compose -f broken.yaml ps -q
printf 'services: [' > syntax.yaml; compose -f syntax.yaml config
printf 'services: {}\n' > empty.yaml; compose -f empty.yaml config -q
compose -f empty.yaml ps -q
printf 'services:\n  a: { image: busybox, depends_on: [ a ] }\n' > cycle.yaml; compose -f cycle.yaml config -q
printf 'services:\n  a: { image: busybox, depends_on: [ b ] }\n' > undefined.yaml; compose -f undefined.yaml config -q
compose -f undefined.yaml ps -q
printf 'services:\n  a: { image: "busybox:${NOPE:?must be set}" }\n' > required.yaml; compose -f required.yaml config -q
compose -f required.yaml down
