# volumes: named, anonymous, read-only, shared, in use, pruned
docker volume create v1
docker volume create --label x=y -d local v2
docker volume create bad/name
docker volume create v1
docker volume ls --format '{{.Name}} {{.Driver}}'
docker volume ls -q --filter label=x
docker volume ls -q --filter dangling=true
docker volume ls --filter nosuch=1
docker volume inspect -f '{{.Name}} {{.Driver}} {{.Labels}} {{.Options}} {{.Scope}}' v2
docker volume inspect nosuch
docker run --rm -v v1:/data busybox sh -c 'echo stored > /data/f'
docker run --rm -v v1:/data:ro busybox sh -c 'cat /data/f; touch /data/g 2>&1'
docker run --rm --mount type=volume,src=v1,dst=/m,readonly busybox cat /m/f
docker run -d --name vc -v v1:/data -v /anon busybox sleep 1000
docker inspect vc | jq -c '[.[0].Mounts[] | [.Type, .Destination, .Driver, .Mode, .RW, .Propagation]] | sort'
docker volume rm v1
docker run --rm --volumes-from vc busybox cat /data/f
docker run --rm --volumes-from vc:ro busybox touch /data/z
docker rm -fv vc
docker volume ls -q
docker volume rm v1
docker volume rm v1
docker volume rm -f v1
mkdir b; echo bound > b/f; docker run --rm -v $PWD/b:/b busybox cat /b/f
docker run --rm -v $PWD/b:/b:ro busybox touch /b/g
docker run --rm --mount type=bind,src=/nosuch-folder,dst=/b busybox true
docker run --rm -v $PWD/made:/b busybox true; ls -d made
docker run --rm --mount type=tmpfs,dst=/t,tmpfs-size=1m busybox sh -c 'df -k /t | tail -1 | tr -s " " | cut -d" " -f2'
docker run --rm --tmpfs /t:size=2m busybox sh -c 'mount | grep " /t " | tr "," "\n" | sort | tr "\n" ","'
docker run --rm -v copied:/etc busybox sh -c 'head -1 /etc/passwd'
docker run --rm -v copied:/x busybox sh -c 'head -1 /x/passwd'
docker volume create gone >/dev/null; docker run --rm -d --name keep -v /a busybox sleep 1000 >/dev/null; docker volume prune -f | tail -1; docker volume ls -q | grep -c .
docker volume prune -af | grep -c -E 'gone|copied|v2'
docker volume create -o type=tmpfs -o device=tmpfs else; docker volume prune -af; docker volume rm else
