# logs: streams, tails, times and following
docker run --name lg busybox sh -c 'echo one; sleep 0.2; echo two >&2; sleep 0.2; echo three; printf four'
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
docker run --name turns busybox sh -c 'for i in 1 2 3 4; do echo out$i; sleep 0.1; echo err$i >&2; sleep 0.1; done; printf end' 2>&1
docker logs turns 2>&1
docker logs --tail 4 turns 2>&1
docker logs --tail 4 turns 2>/dev/null
docker run --name split busybox sh -c 'printf be; sleep 0.2; echo between >&2; sleep 0.2; echo gun; echo last' 2>/dev/null
docker logs split 2>&1
docker logs --tail 2 split 2>&1
docker logs -f --tail 3 split 2>&1
docker run --name bytes busybox sh -c 'i=0; while [ $i -lt 256 ]; do printf "\\$(printf %03o $i)"; i=$((i+1)); done' | md5sum
docker run -t --name raw busybox sh -c 'seq 1 20000; printf end' | md5sum
docker logs raw | md5sum
docker logs --tail 2 raw | od -c
docker logs -t raw | cut -d' ' -f2 | md5sum
