# a running stack is looked at
use shop
compose up -d
# What started has said its word, and is what it is to be.
until [ "$(compose logs | grep -cE '(db ready|initialised|web up|tick)$')" = 4 ]; do sleep 0.1; done; until [ "$(compose top web worker | grep -cE '[0-9] +(httpd -f -p 80|sleep 1000) *$')" = 2 ]; do sleep 0.1; done
compose ps -q | grep -cE '^[0-9a-f]{64}$'
compose ps -q web | wc -l
compose ps -aq | wc -l
compose ps --services | sort
compose ps -a --services | sort
compose ps --services --status exited
compose ps -a --status exited --format '{{.Service}} {{.ExitCode}}'
compose ps -a --filter status=exited -q | wc -l
compose ps -a --format json | jq -c keys | sort -u
compose ps -a --format json | jq -c 'del(.ID,.CreatedAt,.RunningFor,.Status,.Labels,.Mounts,.Networks)' | sort
compose ps -a --format json | jq -r '.Labels | split(",")[] | select(startswith("com.docker.compose")) | split("=")[0]' | sort -u
compose ps -a --format json | jq -c '[.Service, (.Networks | split(",") | sort)]' | sort
compose ps --format json db | jq -r .Status | sed 's/Up .* (/Up X (/'
compose ps --format json init | wc -l
compose ps --format '{{.Name}}|{{.Image}}|{{.Command}}|{{.Ports}}' | sort
compose ps --format 'table {{.Name}}\t{{.Service}}' | tr -s ' ' | sort
compose ps | sed -n 1p | tr -s ' '
compose ps --no-trunc --format '{{.Command}}' web
compose ls --format json | jq -c 'map(keys)'
compose ls --format json | jq -c 'map([.Name, .Status, (.ConfigFiles | split("/") | last)])'
compose ls -a --format json | jq -c 'map([.Name, .Status])'
compose ls -q
compose ls -q --filter name=other
compose ls | sed -n 1p | tr -s ' '
compose images --format json | jq -c 'map(del(.ID,.Created,.LastTagTime,.Size)) | sort_by(.ContainerName)'
compose images --format json | jq -c 'map(keys) | unique'
compose images -q | wc -l
compose images | sed -n 1p | tr -s ' '
compose volumes --format json | jq -c '[.Name, .Driver, .Scope]'
compose volumes --format json | jq -c keys
compose volumes -q
compose volumes | sed -n 1p | tr -s ' '
compose port web 80
compose port --protocol tcp --index 1 web 80
compose port web 81
compose port nope 80
compose top db | sed -n 1p | tr -s ' '
compose top worker | wc -l
# A health check that runs just now is a process of db as well.
compose top | awk 'NR>1 {print $1, $2}' | sort -u; compose top web worker | awk 'NR>1 {print $1, $2}' | sort
compose logs --no-color web | tr -s ' '
compose logs --no-color | tr -s ' ' | sort
compose logs --no-color --no-log-prefix | sort
compose logs --no-log-prefix --tail 1 db
compose logs -t --no-log-prefix init | sed 's/^[0-9TZ:.-]* /T /'
compose logs --no-color --index 1 web | tr -s ' '
compose logs --since 2001-01-01T00:00:00Z --until 2002-01-01T00:00:00Z
compose logs nope
compose ps nope
compose top nope
compose images nope
compose volumes nope
compose stats --no-stream --format '{{.Name}}' | sort
compose stats --no-stream --format json web | jq -c keys
compose version --short | grep -cE '^[0-9]+\.[0-9]+\.[0-9]+'
compose version --format json | jq -c keys
compose down -v -t 0
compose ps -aq
compose ls -a --format json
compose logs
compose top
compose images --format json
compose volumes -q
compose port web 80
compose down
