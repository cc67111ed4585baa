# log drivers, their options and details
docker run --name lo --label a=1 --label com.x.y='two words' --label z=9 -e E1=v1 -e E2='a=b&c' --log-opt labels=a,nosuch --log-opt labels-regex='^com\.' --log-opt env=E1 --log-opt env-regex='E2$' --log-opt tag='{{.Name}}/{{.ImageName}}' busybox sh -c 'echo one; echo two; printf three'
docker logs --details lo
docker logs --details --tail 1 lo
docker logs --details -t lo | sed 's/^[0-9TZ:.-]*/TIME/'
docker run --name ld --log-driver local --log-opt max-size=1m --log-opt max-file=2 busybox echo local
docker logs ld; docker logs --details ld
docker run --name ln --log-driver none busybox echo none
docker logs ln; docker logs -f ln
docker run --name tt -t --label a=1 --log-opt labels=a busybox echo tty
docker logs --details tt
docker run --log-driver nosuch busybox true 2>&1 | sed -n 1p
docker run --log-opt nosuch=1 busybox true 2>&1 | sed -n 1p
docker inspect -f '{{json .HostConfig.LogConfig}}' lo ld ln
docker rm lo ld ln tt
docker run --name lz --log-opt max-size=3k --log-opt max-file=99 --log-opt compress=true busybox sh -c 'for i in 1 2 3 4; do seq 1 200; sleep 1; done' | wc -l
docker logs lz | md5sum; docker logs lz --tail 450 | head -2; docker logs -t lz | sed -n 150p | cut -c 1-30 >since; docker logs --since $(cat since) lz | tail -n 2; docker inspect -f '{{json .HostConfig.LogConfig.Config}}' lz; docker rm lz
docker create --name lb --log-opt compress=maybe busybox true >/dev/null 2>&1; docker start lb >/dev/null 2>&1; echo $?; docker rm -f lb >/dev/null 2>&1
