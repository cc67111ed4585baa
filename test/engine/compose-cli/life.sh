# a stack lives
use one
state() { compose ps -a --format '{{.Name}} {{.State}} {{.ExitCode}}' "$@" | sort; }
# A shell that has not set its trap yet loses a signal.
trapped() { until [ "$(compose top "$@" | grep -cE '[0-9] +sleep 1000 *$')" = "$(compose ps -q "$@" | wc -l)" ]; do sleep 0.1; done; }
# nothing is there yet
for verb in start stop restart kill pause unpause 'rm -f' down; do compose $verb; echo "$verb $?"; done
for verb in start stop restart kill pause unpause 'rm -f' down wait; do compose $verb app; echo "$verb app $?"; done
for verb in start stop restart kill pause unpause 'rm -f' down; do compose -p none $verb; echo "$verb -p none $?"; done
for verb in start stop restart kill pause unpause 'rm -f' down wait; do compose -p none $verb app; echo "$verb -p none app $?"; done
compose kill -s NOPE
# created
compose create app; state
compose create --scale base=2 base; state
compose create --no-recreate --pull never; state
compose create --force-recreate base >/dev/null; state
compose create --scale base=x
compose create --pull nope
compose stop; compose kill; state
compose pause
compose unpause
compose restart base; state base
compose start; state
# signals
trapped
compose kill -s NOPE
compose kill -s USR2 nope
compose kill -s SIGTERM app; until [ "$(compose ps -q app)" = "" ]; do sleep 0.1; done; state
compose kill app; state app
compose kill -s 15 base; until [ "$(compose ps -q base)" = "" ]; do sleep 0.1; done; state
compose up -d; compose kill; state
compose up -d; state
# stopped and begun again
trapped
compose stop app; state
compose stop app
compose stop -t -1; state
compose start base; state
compose start; state
compose start once
compose start nope
trapped; compose restart; state
compose restart --no-deps -t 0 base; state base
trapped; compose stop; compose restart app; state
compose up -d; state
# paused
trapped; compose pause app; compose up -d; echo up $?; state; compose unpause app >/dev/null; compose pause app; state
compose pause app
compose pause
compose unpause >/dev/null; compose pause app; compose stop app; state app
compose unpause base 2>/dev/null; compose up -d app; compose pause; state
compose unpause; state
compose unpause
compose unpause app
compose pause; compose kill; state
compose up -d; compose pause app; compose down -t 0; state
# scaled
compose up -d; compose scale app=3 base=2; state
trapped; compose scale app=1; state
compose scale --no-deps base=0; state
for pair in app app=x app=-1 nope=1 ''; do compose scale $pair; echo "$pair $?"; done
compose up -d --scale app=2 app; state
compose up -d --scale nope=2
trapped; compose up -d; state
# removed
compose rm -f; state
compose rm -f nope
trapped; compose rm -fs app; state
compose rm -fs app
compose stop; compose rm | grep -o "Going to remove one-base-1"; state
compose rm -fv base; state
compose up -d; trapped; compose rm -fsv; state; compose volumes -q
# down
compose up -d; trapped; compose down app; state
compose down --volumes -t 0; compose volumes -q
compose up -d; compose down --remove-orphans -t 0 -v --rmi local; state
compose down --rmi all nope
# waited for
compose wait nope
compose up -d; compose kill base; compose wait base
# What ends again and again is there when wait looks, and ends after that.
printf 'services: { base: { command: sh -c "sleep 0.2; exit 5", restart: always } }\n' > again.yaml; compose -f compose.yaml -f again.yaml up -d base; compose wait base
compose wait --down-project base; state
compose down -v -t 0
