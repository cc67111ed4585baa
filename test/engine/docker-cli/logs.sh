# logs: streams, tails, times and following
# Of two streams nobody promises which is read first: what goes on is said when the line before is seen, and in the log.
mkdir said; seen() { while IFS= read -r line; do echo "$line"; until docker logs $1 2>&1 | grep -qx "$line"; do sleep 0.1; done; touch said/$line; done; printf %s "$line"; }
docker run --name lg -v $PWD/said:/said busybox sh -c 'after() { until [ -e /said/$1 ]; do sleep 0.05; done; }; echo one; after one; echo two >&2; after two; echo three; printf four' 2>&1 | seen lg
docker logs lg
docker logs lg 2>/dev/null
docker logs --tail 1 lg
docker logs --tail 0 lg
docker logs -t lg 2>&1 | sed -E 's/^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\.[0-9]{9}Z/TIME/'
docker logs --since 1h lg
docker logs --until 1h lg
docker logs -f lg
docker run -d --name ticker busybox sh -c 'for i in 0 1 2 3; do echo t$i; sleep 0.2; done'
docker logs -f ticker
docker run --name tt -t busybox sh -c 'echo a; echo b'
docker logs tt | od -c
docker logs nosuch
docker run --name big busybox sh -c 'head -c 40000 /dev/zero | tr "\0" x; echo'
docker logs big | wc -c
docker logs -t big | grep -o 'Z x' | wc -l
docker logs --tail 1 big | tail -c 10
docker run --name many busybox seq 1 100000 | md5sum
docker logs many | md5sum
docker logs -t many | cut -d' ' -f2 | md5sum
docker logs --tail 50000 many | md5sum
docker logs -f many | md5sum
docker run --name turns -v $PWD/said:/said busybox sh -c 'after() { until [ -e /said/$1 ]; do sleep 0.05; done; }; for i in 1 2 3 4; do echo out$i; after out$i; echo err$i >&2; after err$i; done; printf end' 2>&1 | seen turns
docker logs turns 2>&1
docker logs --tail 4 turns 2>&1
docker logs --tail 4 turns 2>/dev/null
docker run --name split -v $PWD/said:/said busybox sh -c 'after() { until [ -e /said/$1 ]; do sleep 0.05; done; }; printf be; after be; echo between >&2; after between; echo gun; echo last' 2>/dev/null | { read -rN2 be; touch said/be; until docker logs split 2>&1 >/dev/null | grep -qx between; do sleep 0.1; done; touch said/between; printf %s $be; cat; }
docker logs split 2>&1
docker logs --tail 2 split 2>&1
docker logs -f --tail 3 split 2>&1
docker run --name bytes busybox sh -c 'i=0; while [ $i -lt 256 ]; do printf "\\$(printf %03o $i)"; i=$((i+1)); done' | md5sum
docker run -t --name raw busybox sh -c 'seq 1 20000; printf end' | md5sum
docker logs raw | md5sum
docker logs --tail 2 raw | od -c
docker logs -t raw | cut -d' ' -f2 | md5sum
