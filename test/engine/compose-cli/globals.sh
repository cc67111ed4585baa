# options before the command, and their variables
use shop
names() { compose "$@" ps -a --format '{{.Name}}' | sort; }
compose --ansi never --progress plain up -d db; names
compose --ansi always --progress quiet up -d db 2>&1
compose --progress json up -d db 2>&1 | jq -e . >/dev/null; echo $?
compose --progress=tty stop -t 0 db >/dev/null; COMPOSE_PROGRESS=quiet compose start db 2>&1
COMPOSE_ANSI=never NO_COLOR=1 compose ps -q | wc -l
compose --parallel 1 up -d; compose --parallel=-1 stop -t 0 worker; compose --parallel=2 start worker
compose --parallel x ps -q >/dev/null
COMPOSE_PARALLEL_LIMIT=2 compose up -d worker; COMPOSE_PARALLEL_LIMIT=x compose ps -q >/dev/null
compose --compatibility -p compat up -d worker; names -p compat; COMPOSE_COMPATIBILITY=1 compose -p compat ps -q | wc -l; compose -p compat down -v -t 0
COMPOSE_COMPATIBILITY=true compose -p compat create worker; names -p compat; compose -p compat down -v
cd ..; compose --project-directory shop ps --services | sort; compose --project-directory shop -f shop/compose.yaml -f shop/more.yaml up -d more; names --project-directory shop; cd shop
compose down -v -t 0 --remove-orphans
# profiles
compose --profile extra create; names; compose --profile extra down -v
COMPOSE_PROFILES=extra,other compose create --no-build >/dev/null; names; compose --profile '*' down -v -t 0; names
compose create fails; names; compose stop fails; compose --profile extra rm -f fails; compose down -v
compose --profile nope config --services | sort
COMPOSE_PROFILES=extra compose --profile none config --services | sort
# variables
echo SAID=env-file > other.env; echo SAID=second > second.env; said() { compose "$@" config --format json | jq -r .services.worker.environment.SAID; }
said --env-file other.env; said --env-file other.env --env-file second.env; COMPOSE_ENV_FILES=other.env,second.env said; SAID=shell said --env-file other.env
echo SAID=dot > .env; said; COMPOSE_DISABLE_ENV_FILE=1 said; COMPOSE_DISABLE_ENV_FILE=true said --env-file other.env
printf 'COMPOSE_PROJECT_NAME=dotted\nCOMPOSE_PROFILES=extra\n' > .env; compose config --format json | jq -r .name; compose config --services | sort; compose create db; names; compose ls -aq; compose down -v; rm .env
mkdir -p deep; printf 'services: { only: { image: busybox, command: "true" } }\n' > deep/compose.yaml; echo COMPOSE_FILE=deep/compose.yaml > .env; compose config --services; compose config --format json | jq -r .name; rm .env
COMPOSE_FILE=compose.yaml,more.yaml COMPOSE_PATH_SEPARATOR=, compose config --services | sort
COMPOSE_PROJECT_NAME=vars compose create db; names -p vars; COMPOSE_PROJECT_NAME=vars compose ps -aq | wc -l; compose -p flag -f more.yaml create; names -p flag; COMPOSE_PROJECT_NAME=vars compose -p flag ps -aq | wc -l; compose -p flag down; compose -p vars down -v
COMPOSE_PROJECT_NAME='Not Good' compose ps -q
COMPOSE_REMOVE_ORPHANS=1 COMPOSE_IGNORE_ORPHANS=1 compose up -d db
compose --all-resources config --volumes; compose -f more.yaml --all-resources create; compose -f more.yaml down
printf 'services: { a: { image: busybox } }\nvolumes: { loose: }\nnetworks: { spare: }\n' > loose.yaml; compose -p loose -f loose.yaml create; compose -p loose -f loose.yaml volumes -q; compose -p loose -f loose.yaml --all-resources create; compose -p loose -f loose.yaml volumes -q; compose -p loose -f loose.yaml --all-resources down -v; compose -p loose -f loose.yaml volumes -q
printf 'name: inner\nservices: { a: { image: busybox } }\n' > named.yaml; compose -f named.yaml create; compose ls -aq; compose -p outer -f named.yaml create; compose ls -aq; compose -f named.yaml down; compose -p outer down
# nothing happens
compose --dry-run create >/dev/null; compose --dry-run run worker true > /dev/null; compose --dry-run build >/dev/null; compose --dry-run pull --policy missing >/dev/null; compose ps -aq
# not known here
for verb in publish bridge alpha; do compose $verb >/dev/null; echo $verb $?; done
compose --verbose ps -q; compose --workdir . ps -q; compose -v | grep -c version; compose --version | grep -c version
