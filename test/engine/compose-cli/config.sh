# the model is asked for
export PORT=28510
use shop
compose config --services | sort
compose config --images | sort
compose config --volumes | sort
compose config --networks | sort
compose config --profiles
compose config --hash '*' | sort
compose config --hash web
compose config --hash web,db | sort
compose config --hash nope
compose config -q
compose config --format json | jq -S .
compose config web --format json | jq -c '.services | keys'
compose config --variables | tr -s ' ' | sort
compose config --environment | grep -c '^PATH='
compose config --no-interpolate --format json | jq -c .services.worker.environment
compose config -o out.yaml; head -1 out.yaml
compose config --format nope
compose config nope
compose --profile extra config --services | sort
compose --profile '*' config --services | sort
COMPOSE_PROFILES=extra compose config --services | sort
compose -p other config --format json | jq -r .name
COMPOSE_PROJECT_NAME=named compose config --format json | jq -r .name
compose -p 'Not Good' config -q
compose -f compose.yaml -f more.yaml config --services | sort
COMPOSE_FILE=compose.yaml:more.yaml compose config --services | sort
cat compose.yaml | compose -f - config --services | sort
compose --project-directory .. -f compose.yaml config --format json | jq -r .name
echo SAID=other > other.env; compose --env-file other.env config --format json | jq -c .services.worker.environment
compose --env-file nope.env config -q
mkdir -p sub; cd sub; compose config --services | wc -l; cd ..
