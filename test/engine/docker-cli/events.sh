# the events of everything that the client does
now() { date +%s.%N; }
ev() { docker events --since "$1" --until "$(now)" --format '{{.Type}} {{.Action}} {{json .Actor.Attributes}}' "${@:2}" | sed -E 's/"execDuration":"[0-9]+"/D/; s/"execID":"[^"]*"/EXEC/; s/"reclaimed":"[0-9]+"/R/'; }
t=$(now); docker run -d --name ca --label k=v -v evol:/d busybox sleep 1000 >/dev/null; ev $t
# dockerd may tell of the end of an exec after it has answered.
died() { until docker events --since "$1" --until "$(now)" --filter event=exec_die --format '{{.Action}}' | grep -q die; do sleep 0.1; done; }
t=$(now); docker exec ca sh -c 'exit 3'; died $t; ev $t
t=$(now); docker exec ca nosuch >/dev/null; ev $t
t=$(now); docker exec -d ca true; died $t; ev $t
t=$(now); docker top ca >/dev/null; docker cp ca:/etc/passwd p; docker cp p ca:/tmp/; docker export ca >/dev/null; ev $t --filter type=container
t=$(now); docker commit -m x ca evc:1 >/dev/null; ev $t
t=$(now); docker pause ca; docker unpause ca; docker rename ca cb; docker update --memory 64m --memory-swap 64m cb; ev $t
t=$(now); docker kill -s USR1 cb; docker logs cb; docker inspect cb >/dev/null; docker diff cb >/dev/null; ev $t
t=$(now); docker stop -t 0 cb; docker wait cb; ev $t --filter event=kill --filter event=disconnect --filter event=unmount --filter event=die
t=$(now); docker start cb; docker start cb; docker restart -t 0 cb; ev $t | grep -v ' stop '
t=$(now); docker rm -f cb; ev $t | grep -v ' stop '
t=$(now); docker run --name an -v /anon busybox true; docker rm -v an; ev $t | sed -E 's/"[0-9a-f]{64}"/ID/'
docker run -d --name det -it busybox sh -c 'while :; do echo tick; sleep 0.1; done'
t=$(now); typed '\020\021' docker attach det | grep -c 'read escape'; ev $t | grep -v resize
t=$(now); typed '\020\021' docker exec -it det sh | grep -c 'read escape'; ev $t | grep -v resize
docker rm -f det
t=$(now); docker run -d --name hh --health-cmd 'test -e /ok' --health-interval 1s --health-retries 1 busybox sleep 100 >/dev/null; until docker inspect -f '{{.State.Health.Status}}' hh | grep -w unhealthy; do sleep 0.1; done; docker exec hh touch /ok; until docker inspect -f '{{.State.Health.Status}}' hh | grep -w healthy; do sleep 0.1; done; ev $t --filter event=health_status; docker rm -f hh
# What was killed is not the main process: dockerd may lose the event of a container that ends with it.
t=$(now); docker run -d --name oo -m 8m --memory-swap 8m busybox sh -c 'tail /dev/zero; code=$?; trap "exit $code" USR1; echo goes on; while :; do sleep 0.1; done' >/dev/null; until docker logs oo 2>&1 | grep -qx 'goes on'; do sleep 0.1; done; while docker kill -s USR1 oo; do sleep 0.1; done >/dev/null 2>&1; docker wait oo; until ev $t --filter event=oom | grep -q oom; do sleep 0.1; done; ev $t --filter container=oo --filter event=oom --filter event=die | sort; docker rm oo
t=$(now); docker run -d --name rr --restart on-failure:1 busybox false >/dev/null; until ev $t --filter container=rr --filter event=die | grep -c die | grep -x 2; do sleep 0.1; done; docker inspect -f '{{.RestartCount}} {{.State.Status}}' rr; ev $t --filter container=rr; docker rm rr
t=$(now); docker network create n1 --label l=1 >/dev/null; docker run -d --name c1 busybox sleep 1000 >/dev/null; docker network connect n1 c1; docker network disconnect n1 c1; docker rm -f c1; docker network rm n1; ev $t --filter type=network
docker volume rm evol >/dev/null; t=$(now); docker volume create v1 --label l=1; docker volume create v1; docker volume rm v1; docker volume rm -f v1; docker volume create v2; docker volume prune -af >/dev/null; ev $t
t=$(now); docker network create n2 >/dev/null; docker network prune -f; docker container prune -f; docker image prune -f; ev $t
t=$(now); docker tag busybox evi:2; docker rmi evi:2; ev $t
t=$(now); docker save busybox evc:1 -o s.tar; docker rmi evc:1 >/dev/null; docker load -i s.tar >/dev/null; docker image prune -af --filter label=k=v >/dev/null; ev $t | sort
t=$(now); tar cf p.tar p; docker import p.tar imp:1 | wc -c; docker rmi imp:1 >/dev/null; ev $t
t=$(now); printf 'FROM busybox\nLABEL a=b\nRUN true\n' | docker build -q -t bld:2 - 2>/dev/null | wc -c; ev $t | sort; docker rmi bld:2 >/dev/null
t=$(now); docker run -d --name l1 --label a=1 --label b=2 busybox true >/dev/null; docker run -d --name l2 --label a=1 busybox true >/dev/null; docker wait l1 l2; ev $t --filter label=a=1 --filter label=b --filter event=create; docker rm l1 l2
