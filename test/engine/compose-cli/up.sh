# up with its flags
use one
state() { compose ps -a --format '{{.Name}} {{.State}} {{.ExitCode}}' "$@" | sort; }
made() { compose ps -aq --no-trunc "$@" | sort > now; [ ! -e "$1.was" ] || cmp -s now "$1.was" && echo "$1 same" || echo "$1 other"; mv now "$1.was"; }
ended() { until [ "$(compose ps -q "$@")" = "" ]; do sleep 0.1; done; }
# detached
compose up --no-start; state
compose up -d app; state; made app; made base
compose up -d; made app; made base
compose up -d --force-recreate app; made app; made base
compose up -d --no-deps --force-recreate base; made app; made base
compose up -d --always-recreate-deps --force-recreate app; made app; made base
compose exec -T app touch /anon/x /kept/x; compose up -d --force-recreate app; compose exec -T app ls /anon /kept
compose up -d -V app; compose exec -T app ls /anon /kept; made app
printf 'services: { app: { labels: { v: "2" } } }\n' > v2.yaml; compose -f compose.yaml -f v2.yaml up -d --no-recreate; made app
compose -f compose.yaml -f v2.yaml up -d; made app; made base
compose -f compose.yaml -f v2.yaml up -d --scale app=2 --scale base=1; state; compose -f compose.yaml -f v2.yaml up -d -t 0 --quiet-pull --quiet-build -y --menu=false --pull missing --no-color --no-log-prefix --timestamps; state
compose up -d --pull never; compose up -d --pull policy; compose up -d --pull build; compose up -d --pull always >/dev/null
printf 'services: { app: { image: busybox } }\n' > app.yaml; compose -p one -f app.yaml up -d --no-recreate 2>&1 | grep -ci orphan
COMPOSE_IGNORE_ORPHANS=1 compose -p one -f app.yaml up -d --no-recreate 2>&1 | grep -ci orphan
compose -p one -f app.yaml ps --services; compose -p one -f app.yaml ps --orphans=false --services
compose -p one -f app.yaml up -d --remove-orphans --no-recreate; state
compose up -d; compose down -t 0 -v; COMPOSE_REMOVE_ORPHANS=1 compose -p one -f app.yaml up -d --no-start; state; compose down -v
printf 'services: {}\n' > empty.yaml; for verb in 'up -d' up create start stop ps 'rm -f' down; do compose -f empty.yaml $verb; echo "$verb $?"; done | tr -s " "
compose --profile tasks up -d; ended once fails; state; compose --profile tasks down -t 0
compose --profile tasks up -d once; compose --profile nope up -d; ended once; state; compose --profile tasks down -t 0
compose --profile tasks up -d once; compose down -t 0; state; compose --profile tasks down -t 0
# waiting
compose up --wait; state
# What is not healthy yet is waited for until it ends; of what has no check it would have to be seen that it still runs.
printf 'services: { once: &never { healthcheck: { test: "false", interval: 100s } }, fails: *never }\n' > never.yaml; export COMPOSE_FILE=compose.yaml:never.yaml
compose up --wait fails; compose up -d --wait fails; compose up --wait once; state once; compose up -d once; compose up -d --wait once
unset COMPOSE_FILE
compose up --wait --wait-timeout 20 app
printf 'services:\n  a: { image: busybox, init: true, command: sleep 1000, healthcheck: { test: "false", interval: 100ms, retries: 1 }, stop_grace_period: 0s }\n  b: { image: busybox, init: true, command: sleep 1000, stop_grace_period: 0s, depends_on: { a: { condition: service_healthy } } }\n  c: { image: busybox, init: true, command: sleep 1000, stop_grace_period: 0s, healthcheck: { test: "false", interval: 100s, retries: 9 } }\n' > sick.yaml
compose -p sick -f sick.yaml up --wait a; compose -p sick -f sick.yaml up -d b; compose -p sick -f sick.yaml up --wait --wait-timeout 1 c; compose -p sick -f sick.yaml ps -a --format '{{.Service}} {{.State}}' | sort; compose -p sick -f sick.yaml down -t 0
compose --profile tasks down -t 0
# in the foreground
shown() { sed 's/.*\[K//; s/  *|/ |/; s/| [0-9TZ:.-]* /| T /' | grep -ve '^$' -e '^Gracefully' | sort; }
compose up once | shown
compose up once | shown
compose up --no-log-prefix once | shown
compose up --timestamps --no-log-prefix once | sed 's/^[0-9TZ:.-]* /T /' | shown
compose up --timestamps --no-color fails | shown
compose up --exit-code-from fails fails | shown
# Who ends the others starts when they have said their word.
printf 'services: { fails: { depends_on: { once: { condition: service_completed_successfully } } } }\n' > last.yaml; export COMPOSE_FILE=compose.yaml:last.yaml
compose up --abort-on-container-failure once fails | shown
printf 'services: { app: &trapped { healthcheck: { test: pidof sleep, interval: 100ms, retries: 999 } }, base: *trapped, once: &last { depends_on: { app: { condition: service_healthy }, base: { condition: service_healthy } } }, fails: *last }\n' > last.yaml
compose up --abort-on-container-exit fails app | shown
compose up --abort-on-container-exit --exit-code-from app app once | shown
compose up --attach once --exit-code-from once once app | shown
compose up --no-attach app --abort-on-container-exit once app | shown
compose up --attach-dependencies --abort-on-container-exit once app | shown; state
unset COMPOSE_FILE
compose up --no-attach nope once | shown
compose up --attach nope once
compose up --abort-on-container-exit --no-start once
compose up -t 0 --no-deps --abort-on-container-exit fails >/dev/null
compose --profile tasks down -t 0
# nothing is done
compose --dry-run up -d >/dev/null; compose up --dry-run -d >/dev/null; state
compose up -d; compose --dry-run down >/dev/null; compose --dry-run stop >/dev/null; compose --dry-run kill >/dev/null; compose --dry-run rm -fs >/dev/null; compose --dry-run restart >/dev/null; state
compose down -v -t 0
