# stdin, stdout, terminals, attach and detach keys
echo foo | docker run -i --rm busybox cat
head -c 3000000 /dev/zero | docker run -i --rm busybox wc -c
docker run --rm busybox sh -c 'head -c 3000000 /dev/zero' | wc -c
docker run --rm busybox sh -c 'head -c 1000000 /dev/zero >&2' 2>&1 >/dev/null | wc -c
tty docker run --rm -it busybox sh -c 'tty; stty size; exit 4'
docker create --name cat -i busybox cat
echo via-start | docker start -ai cat
# It goes on when somebody is attached, which is when something was read.
docker run -d --name late busybox sh -c 'until [ -e /attached ]; do echo early; sleep 0.1; done; echo late; exit 2'
docker attach --no-stdin late | { read -r; docker exec late touch /attached >/dev/null 2>&1; grep -v early; }
docker run -d --name det -it busybox sh -c 'while :; do echo tick; sleep 0.1; done'
typed '\020\021' docker attach det | grep -c 'read escape sequence'
docker inspect -f '{{.State.Status}}' det
typed xq docker attach --detach-keys x,q det | grep -c 'read escape sequence'
docker attach --detach-keys nonsense det 2>&1 | sed -n 1p
docker run -d --name web busybox sleep 1000
docker exec web echo in-exec
docker exec web sh -c 'echo e >&2; exit 9'
docker exec web sh -c 'echo named > /dev/stdout; stat -Lc %F /dev/stdout'; docker exec web sh -c 'echo error > /dev/stderr' 2>&1
docker exec -u 1000 web sh -c 'echo named > /dev/stdout' 2>&1
docker exec web nosuchcmd
docker exec web /etc/passwd
echo piped | docker exec -i web cat
docker exec -e A=1 -w /tmp -u nobody web sh -c 'echo $A; pwd; id -u'
docker exec -d web sh -c 'echo detached > /tmp/d'
until docker exec web test -s /tmp/d; do sleep 0.1; done; docker exec web cat /tmp/d
tty docker exec -it web sh -c 'tty; stty size; exit 6'
for i in $(seq 20); do tty docker exec -t web seq 1 3000 | tail -1; tty docker exec -t web printf whole; echo; done | sort | uniq -c
