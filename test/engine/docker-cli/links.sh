# legacy links and their variables
docker run -d --name ldb --expose 7000-7002 --expose 80 --expose 9000-9001/udp --expose 80/udp -e A=1 busybox sleep 1000 | wc -c
docker run --rm --name lweb --link ldb:my-db -e MY_DB_NAME=mine busybox env | sed 's/10\.[0-9.]*\.2:/IP:/; s/172\.[0-9.]*\.2:/IP:/; s/ADDR=.*/ADDR/' | sort
docker run --rm --name lweb --link ldb busybox sh -c 'env | grep _NAME; grep ldb /etc/hosts | cut -f2'
docker run -d --name lweb --link ldb:x busybox sleep 100 | wc -c; docker exec -e X_ENV_A=2 lweb env | grep -E 'X_(NAME|ENV)'
docker stop -t0 ldb; docker restart -t0 lweb; docker rm -f lweb
docker run --rm --name lweb --link ldb busybox true
docker create --link nosuch:x busybox
docker rm -f ldb; docker run -d --name nb --network none busybox sleep 100 | wc -c; docker run --rm --link nb:y busybox env; docker rm -f nb
docker network create ln | wc -c; docker run -d --network ln --name ldb2 --expose 80 busybox sleep 100 | wc -c; docker run --rm --network ln --link ldb2:zz busybox sh -c 'env | grep -i zz; ping -c1 -W9 zz >/dev/null; echo $?'
docker rm -f ldb2; docker network rm ln
docker run -d --name ldb busybox sleep 1000 | wc -c; docker run -d --name lweb --link ldb:x busybox sleep 1000 | wc -c
docker ps --no-trunc --format '{{.Names}}'; docker inspect -f '{{.Name}}' lweb/x /lweb/x; docker exec lweb/x echo hi; docker logs lweb/y
docker rename ldb ldc; docker rename lweb lwec; docker ps --no-trunc --format '{{.Names}}'; docker inspect -f '{{.HostConfig.Links}}' lwec
docker rm --link ldc; docker rm --link lwec/y; docker rm --link nosuch/x; docker rm --link lweb/x
docker rm --link lwec/x; docker rm --link lwec/x; docker inspect -f '{{.HostConfig.Links}}' lwec; docker ps --no-trunc --format '{{.Names}}'
docker exec lwec cat /etc/hosts | grep -c ldc; docker exec lwec env | grep _NAME; docker restart -t0 lwec; docker exec lwec env | grep _NAME
docker rm -f ldc lwec; docker run -d --name ldb busybox sleep 1000 | wc -c; docker create --name lweb --link ldb:x busybox true | wc -c
docker start -a lweb; docker rm -f ldb; docker inspect -f '{{.HostConfig.Links}}' lweb; docker start -a lweb; docker rm -f lweb
