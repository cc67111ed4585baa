# docker run: output, exit codes, and what cannot be run
docker run --rm busybox echo hello
docker run --rm busybox sh -c 'echo err >&2; exit 3'
docker run --rm busybox nosuchcmd
docker run --rm busybox /etc/passwd
docker run -d --name web --label a=b busybox sleep 1000
docker run -d --name web busybox true
docker run --name bad/name busybox true
docker run --rm --restart always busybox true
docker run --rm --memory 1k busybox true
docker run --rm --network nosuch busybox true 2>&1 | sed 's/failed to set up container networking: //'
docker run --rm -v relative:relative busybox true
docker run --rm --entrypoint echo busybox entry point
docker run --rm -e FOO=bar -w /tmp -u 1000:1000 -h myhost busybox sh -c 'echo $FOO; pwd; id -u; id -g; hostname'
docker run --rm --read-only busybox touch /x
docker run --rm --cap-drop ALL --cap-add NET_ADMIN busybox grep CapBnd /proc/self/status
docker run --rm --privileged busybox grep Seccomp: /proc/self/status
docker run --rm busybox grep -E 'Seccomp:|NoNewPrivs|CapEff' /proc/self/status
docker run --rm --ulimit nofile=100:200 --pids-limit 50 --shm-size 32m busybox sh -c 'ulimit -n; df -k /dev/shm | tail -1 | tr -s " " | cut -d" " -f2'
docker run --rm --add-host h:1.2.3.4 --dns 9.9.9.9 busybox sh -c 'grep 1.2.3.4 /etc/hosts; grep 9.9.9.9 /etc/resolv.conf'
docker run --rm --init busybox sh -c 'ps -o pid,args | head -2 | tail -1 | grep -c -- -init'
docker run --rm --device /dev/zero:/dev/zz busybox sh -c 'ls -l /dev/zz | cut -c1-10'
docker run --rm --sysctl net.ipv4.ip_unprivileged_port_start=5 busybox cat /proc/sys/net/ipv4/ip_unprivileged_port_start
docker create --name made busybox echo from-create
docker start -a made
docker run --rm -d --name gone busybox sleep 1000 | wc -c; docker rm -f gone
docker run --rm -h web.example busybox sh -c 'hostname; hostname -s; tail -1 /etc/hosts | cut -f2-'
docker run --rm -h web --domainname a.example busybox sh -c 'hostname; hostname -f; tail -1 /etc/hosts | cut -f2-'
docker run --rm --network host -p 28089:80 busybox true
docker run --rm --tmpfs /t --tmpfs /root --mount type=tmpfs,dst=/var busybox stat -c '%a %n' /t /root /var
docker run --rm --mount type=tmpfs,dst=/t,ro busybox touch /t/x
docker run -d --name holder --ipc shareable --tmpfs /t -v /kept busybox sh -c 'echo shared >/dev/shm/f; sleep 1000' | wc -c; until docker exec holder test -s /dev/shm/f; do sleep 0.1; done
docker create --name guest --network container:holder --ipc container:holder --pid container:holder busybox cat /dev/shm/f | wc -c; docker rename holder host2; docker start -a guest
docker inspect -f '{{.HostConfig.NetworkMode}} {{.HostConfig.IpcMode}} {{.HostConfig.PidMode}}' guest
docker run --rm --volumes-from host2 busybox sh -c 'cut -d" " -f2 /proc/mounts | grep -e "^/t$" -e "^/kept$"'
docker rm -fv guest host2
