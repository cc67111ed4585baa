# tag, history, save, load, import and rmi
docker tag busybox mine:1
docker tag nosuch mine:3
docker tag mine:1 BAD
docker tag mine:1 reg.example:5000/a/b:c
docker images --format '{{.Repository}}:{{.Tag}}' | sort
docker images -q --no-trunc mine:1 | wc -l
docker images --filter reference='mine*' --format '{{.Repository}}:{{.Tag}}'
docker images --filter nosuch=1
docker image inspect -f '{{json .RepoTags}} {{.Os}} {{.Architecture}} {{json .Config.Cmd}} {{json .Config.Env}}' mine:1
docker history --format '{{.Comment}}' mine:1
docker save mine:1 -o s.tar; tar tf s.tar | grep -cE '^(manifest.json|index.json|oci-layout)$'
docker tag mine:1 mine:2; docker save mine | tar xO manifest.json | jq -c '.[].RepoTags'; docker rmi mine:2
docker tag mine:1 sha256:aa; docker pull scratch
docker image inspect --platform linux/amd64 -f '{{.Os}}' mine:1; docker image inspect --platform linux/arm64 mine:1; docker history -q --platform linux/arm64 mine:1; docker save --platform linux/arm64 mine:1 -o arm.tar; docker save --platform linux/amd64 mine:1 | tar t | grep -c manifest; docker image rm --platform linux/arm64 mine:1; docker push -q --platform linux/arm64 mine:1 2>&1 | grep Error
docker rmi reg.example:5000/a/b:c
docker rmi mine:1
docker load -i s.tar
docker save nosuch -o x.tar
echo garbage | docker load >/dev/null 2>&1
docker rmi nosuch
docker run -d --name user mine:1 sleep 1000
docker rmi mine:1
docker rmi busybox
docker rmi -f mine:1
docker rm -f user
mkdir r; echo hi > r/f; tar -C r -c . | docker import -m imported -c 'CMD ["x"]' - tiny:1 | cut -c1-7
docker inspect -f '{{.Comment}} {{json .Config.Cmd}} {{len .RootFS.Layers}}' tiny:1
docker rmi tiny:1 | sed 's/sha256:.*/sha256:X/'
docker image prune -f | sed 's/: [0-9].*/: X/'
