# what no container, network or volume can have is refused, and leaves nothing
docker create --cpu-shares -1 busybox
docker create --annotation =v busybox
docker create --health-interval 1us busybox
docker create --health-start-period 1us --health-cmd x busybox
docker create --pid container:nosuch busybox
docker create --ipc container:nosuch busybox
docker create --volumes-from nosuch busybox
docker create -v /b:/b:nosuch busybox
docker create -v /b:/b:ro,rw busybox
docker create -v /b:/b:nocopy busybox
docker create -v vol:/b:shared busybox
docker create --mount type=tmpfs,dst=/t,src=x busybox
docker create --network host --link x:y busybox
docker create --network container:x --link x:y busybox
docker create --network container:x --expose 80 busybox
docker create --network container:x --dns 1.1.1.1 busybox
docker create --network container:x --ip 1.2.3.4 busybox
docker create --ip 10.1.1.1 busybox 2>&1 | sed -n 1p
docker network create --ingress n1
docker network create --scope swarm n1
docker network create --config-from nosuch n1
docker volume create --scope single v1
docker ps -f exited=x 2>&1 | grep -o "invalid filter 'exited=x'"
docker ps -f health=nosuch 2>&1 | grep -o "invalid filter 'health=nosuch'"
docker ps -f is-task=x 2>&1 | grep -o "invalid filter 'is-task="
docker ps -f publish=x -q 2>&1 | wc -l
docker network ls -f type=nosuch
docker run -d --name web busybox sleep 1000 | wc -c
docker exec -u nosuch web true
docker exec -u 0:nosuch web true
docker exec -d web nosuch
docker exec -d -w /nosuch web pwd
docker exec -d -u nosuch web true
docker network connect none web
docker rm -f web; docker run -d --name web --network none busybox sleep 1000 | wc -c; docker network connect bridge web
docker rm -f web; docker run -d --name web --network host busybox sleep 1000 | wc -c; docker network connect bridge web; docker network disconnect host web; docker inspect -f '{{len .NetworkSettings.Networks}}' web
docker rm -f web; docker network ls -q -f type=custom | wc -l; docker volume ls -q | wc -l; docker ps -aq | wc -l
