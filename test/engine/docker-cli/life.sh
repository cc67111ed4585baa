# start, stop, kill, restart, pause and rm in every state
docker run -d --name ctr busybox sh -c 'trap "exit 5" TERM; echo trapped; while true; do sleep 0.1; done'
until docker logs ctr | grep -x trapped; do sleep 0.1; done
docker start ctr
docker pause ctr
docker pause ctr
docker exec ctr true
docker rm ctr
docker unpause ctr
docker unpause ctr
docker kill -s NOSUCH ctr
docker stop -t 60 ctr
docker inspect -f '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}' ctr
docker stop ctr
docker kill ctr
docker start ctr
docker restart -t 0 ctr
docker inspect -f '{{.State.Status}} {{.RestartCount}}' ctr
docker rm ctr
docker rm -f ctr
docker rm ctr
docker rm -f ctr
docker run -d --name rs --restart on-failure:2 busybox false
until [ "$(docker inspect -f '{{.State.Status}}' rs)" = exited ]; do sleep 0.1; done; docker inspect -f '{{.RestartCount}} {{.State.Status}} {{.State.ExitCode}}' rs
docker run -d --name hc --health-cmd true --health-interval 300ms busybox sleep 1000
until [ "$(docker inspect -f '{{.State.Health.Status}}' hc)" = healthy ]; do sleep 0.1; done; docker ps --filter name=hc --format '{{.Status}}' | sed 's/Up .* (/Up X (/'
docker run -d --name sick --health-cmd 'echo bad; exit 1' --health-interval 200ms --health-retries 1 busybox sleep 1000
until [ "$(docker inspect -f '{{.State.Health.Status}}' sick)" = unhealthy ]; do sleep 0.1; done; docker inspect -f '{{(index .State.Health.Log 0).Output}}' sick
docker run -d --name slow --health-cmd 'sleep 100' --health-interval 300ms --health-timeout 300ms --health-retries 1 busybox sleep 1000
until [ "$(docker inspect -f '{{.State.Health.Status}}' slow)" = unhealthy ]; do sleep 0.1; done; docker inspect -f '{{json (index .State.Health.Log 0).Output}}' slow
