# what is shown can be chosen
use shop
compose up -d --scale worker=2; compose run -d --no-deps --name left worker >/dev/null; compose up -d fails; until [ "$(compose ps -q fails)" = "" ]; do sleep 0.1; done; compose kill db
until [ "$(compose logs web worker | grep -cE '(web up|tick)$')" = 3 ]; do sleep 0.1; done
# ps
compose ps -a --format '{{.Service}} {{.State}}' | sort
compose ps -a --services | sort
compose ps -a --filter status=exited --format '{{.Service}} {{.ExitCode}}' | sort
compose ps --filter status=running -q | wc -l
compose ps --status exited --status running --services | sort
compose ps --status paused -q
compose ps --status nope -q; compose ps --filter state=running; compose ps --filter status
compose ps -q worker web | wc -l
compose ps -q fails; compose ps -aq fails | wc -l; compose ps --services fails
compose ps --no-trunc --format '{{.ID}}' web | grep -cE '^[0-9a-f]{64}$'; compose ps --format '{{.ID}}' web | grep -cE '^[0-9a-f]{12}$'
compose ps --format '{{.Command}}' db; compose ps --no-trunc -a --format '{{.Command}}' db
compose ps -a --format '{{json .Name}}' db; compose ps -a --format '{{.Project}} {{.Label "com.docker.compose.service"}} {{.LocalVolumes}} {{.Mounts}} {{.Networks}} {{.Health}}|' db
compose ps -a --format '{{upper .Name}} {{len .Name}} {{if eq .State "exited"}}gone{{end}}' db
compose ps -a --format 'table {{.Service}}\t{{.State}}' db | tr -s ' '
compose ps -a --format '{{.Nope}}' db; compose ps -a --format '{{.Name' db
compose ps -a --format table db | sed -n 1p | tr -s ' '
compose ps --format json web | jq -c '.Publishers'
compose ps -a --format json db | jq -c '[.State, .ExitCode, .Health, .Project, .Names]'
compose ps -a --format json --no-trunc init | jq -c '[.ID, .Command]'
compose ps --orphans=false -a --services | sort
mv compose.yaml kept.yaml; sed '/^  worker:/,/^  fails:/{/^  fails:/!d}' kept.yaml > compose.yaml; compose ps --services | sort; compose ps --orphans=false --services | sort; compose ps worker; mv kept.yaml compose.yaml
# ls
compose ls --format table | sed -n '1p' | tr -s ' '; compose ls -a --format json | jq -c '.[] | [.Name, .Status]'
compose ls --filter name=sho -q; compose ls --filter name=x -q; compose ls --filter nope=1 -q; compose ls --filter name -q
compose ls nope; compose ls --format json -q; compose -p other ls -q
# logs
compose logs --no-color --no-log-prefix -n 1 web worker | sort
compose logs --no-color --tail 0 web; compose logs --no-color --tail=-1 --no-log-prefix web
compose logs --no-color --index 2 worker | tr -s ' '
compose logs --index 7 worker
compose logs -t --no-color --no-log-prefix --since 1h db | grep -cE '^20..-..-..T..:..:..\.[0-9]{9}Z db ready$'
compose logs --no-color --no-log-prefix --until 1h
compose logs --since nope; compose logs --until nope
compose kill >/dev/null
compose logs left
compose --ansi never logs fails | tr -s ' '
# images, volumes, ports, stats, top
compose images --format table | sed -n 1p | tr -s ' '; compose images -q web worker; compose images --format json fails | jq -r '.[].ContainerName'
compose up -d; compose images -q nope
until compose top worker | grep -qE '[0-9] +sleep 1000'; do sleep 0.1; done
compose volumes --format '{{.Name}} {{.Driver}}'; compose volumes --format 'table {{.Name}}' | tr -s ' '; compose volumes db -q; compose volumes web -q; compose volumes --format json worker
compose port web 80 --protocol udp; compose port --index 2 web 80; compose port worker 80
compose stats --no-stream --no-trunc --format '{{.ID}}' web | grep -cE '^[0-9a-f]{64}$'; compose stats --no-stream --format '{{.PIDs}}' worker
compose stats --no-stream --format 'table {{.Name}}' db; compose stats --no-stream db | sed -n 1p | tr -s ' '; compose stats --no-stream nope | tr -s ' '
compose stats -a --no-stream --format '{{.Name}}' | sort
compose top worker | sed -n 1p | tr -s ' '; compose top worker | awk '{print $1, $2}'
compose top web worker | awk 'NR>1 {print $1}' | sort -u
# the one that is gone
compose --profile extra down -t 0 --remove-orphans -v; compose ps -a --format json; compose stats --no-stream --format '{{.Name}}'; compose images -q; compose logs web; compose volumes --format json
