# docker compose: a project from up to down
mkdir stack; cd stack; echo sec > sec.txt; echo cfg > cfg.txt; printf '%s\n' 'services:' '  db:' '    image: busybox' '    command: sh -c "echo db ready; touch /data/ok; exec sleep 1000"' '    volumes: [ "dbdata:/data" ]' '    healthcheck: { test: ["CMD","test","-f","/data/ok"], interval: 500ms, timeout: 60s, retries: 20 }' '    restart: unless-stopped' '    networks: [ back ]' '    stop_grace_period: 0s' '  web:' '    image: busybox' '    command: sh -c "echo web up; exec httpd -f -p 80"' '    depends_on: { db: { condition: service_healthy } }' '    ports: [ "127.0.0.1:28500:80" ]' '    secrets: [ s1 ]' '    configs: [ { source: c1, target: /etc/c1 } ]' '    networks: { back: { aliases: [ www ] }, front: {} }' '    stop_grace_period: 0s' '  worker:' '    image: busybox' '    command: sh -c "echo tick; exec sleep 1000"' '    depends_on: [ db ]' '    tmpfs: /scratch' '    mem_limit: 64m' '    cpus: 0.5' '    networks: [ back ]' '    stop_grace_period: 0s' 'volumes: { dbdata: {} }' 'networks: { back: {}, front: {} }' 'secrets: { s1: { file: ./sec.txt } }' 'configs: { c1: { file: ./cfg.txt } }' > compose.yaml
docker compose up -d 2>&1 | sort
docker compose up -d 2>&1 | sort
docker compose ps --format '{{.Service}} {{.State}} {{.Health}} {{.Ports}}' | sort
docker compose ps --format json | jq -c '[.Service,.State,.Health,.ExitCode,.Project,.Publishers,(.Networks | split(",") | sort),.LocalVolumes]' | sort
until docker compose logs web | grep -q 'web up'; do sleep 0.1; done; docker compose logs db web --no-color | tr -s ' ' | sort
docker compose logs --tail 1 --no-log-prefix web
docker compose exec -T db sh -c 'echo in; exit 3'
docker compose exec -T web cat /run/secrets/s1 /etc/c1
docker compose exec -T web ping -c1 -W1 -q db | grep -c '1 packets received'
tty docker compose exec db sh -c 'tty; echo ok' | tr -d '\0^@'
docker compose run --rm -T worker echo oneoff 2>/dev/null
docker compose run --rm -T -e A=b worker sh -c 'echo $A; exit 5' 2>/dev/null
docker compose port web 80
docker compose up -d --scale worker=3 2>&1 | sort
docker compose restart -t 0 worker 2>&1 | sort
docker compose pause web 2>&1; docker compose ps --format '{{.Service}} {{.State}}' web; docker compose unpause web 2>&1
docker compose stop worker 2>&1 | sort
settled; docker compose start worker 2>&1 | sort
docker compose kill web 2>&1
settled; docker compose ps -a --format '{{.Service}} {{.State}} {{.ExitCode}}' web
docker compose up -d --wait 2>&1 | sort
sed -i s/tick/tock/ compose.yaml; docker compose up -d 2>&1 | sort
docker compose up -d --force-recreate -V db 2>&1 | sort
docker compose cp cfg.txt db:/tmp/ 2>/dev/null; docker compose exec -T db cat /tmp/cfg.txt
docker compose ls --format json | jq -c '.[] | [.Name, .Status]'
docker compose stats --no-stream --format '{{.Name}}' | sort
until docker compose top db | grep -q '[0-9]  *sleep 1000'; do sleep 0.1; done; docker compose top db | sed -n 2p | tr -s ' ' | sed 's/root .* ?/root X ?/'
# What ends again and again is there when wait looks, and ends after that.
printf '%s\n' 'name: waits' 'services:' '  a: &again { image: busybox, command: sh -c "sleep 0.2; exit 7", restart: always }' '  b: *again' > waits.yaml; docker compose -f waits.yaml up -d 2>/dev/null; docker compose -f waits.yaml wait a b 2>&1; echo $?; docker compose -f waits.yaml down -t 0 2>/dev/null
docker compose rm -sf worker 2>&1 | sort
docker compose down -v 2>&1 | sort
docker compose down 2>&1
docker ps -aq | grep -c .
