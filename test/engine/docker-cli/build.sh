# docker build: the classic builder, BuildKit, contexts, stages, secrets and compose
mkdir sub extra; echo a > a.txt; echo b > sub/b.txt; echo x > extra/x; echo hush > secret; ln -s a.txt lnk; printf 'sub\n!sub/keep\n*.log\n' > .dockerignore; touch sub/keep z.log; head -c 3000000 /dev/urandom > big; for i in $(seq 100); do echo $i > f$i; done
printf '%s\n' 'FROM busybox AS one' 'ARG V=0' 'RUN echo v$V > /v' 'FROM busybox' 'COPY --from=one /v /v' 'COPY --from=ext x /x' 'COPY . /ctx' 'CMD ["cat","/v"]' > Dockerfile
docker build -q --build-arg V=5 --build-context ext=./extra -t two:1 . | sed 's/sha256:.*/ID/'
docker run --rm two:1
docker run --rm two:1 sh -c 'ls /ctx | wc -l; ls /ctx/sub; cat /x; readlink /ctx/lnk; wc -c < /ctx/big; test -e /ctx/z.log'
docker build -q --target one -t one:1 --label l=m . | wc -c; docker inspect -f '{{.Config.Labels.l}}' one:1
printf 'FROM busybox\nRUN echo stdin > /s\n' | docker build -q -f - -t st:1 . | wc -c; docker run --rm st:1 cat /s
tar c Dockerfile a.txt | docker build -q --target one -t tr:1 - | wc -c; docker run --rm tr:1 cat /v
printf 'FROM busybox\nRUN --mount=type=secret,id=s cat /run/secrets/s > /len; wc -c < /len > /n; rm /len\n' | docker build -q --secret id=s,src=secret -f - -t se:1 . | wc -c; docker run --rm se:1 cat /n
printf 'FROM busybox\nRUN exit 7\n' | docker build -f - . >/dev/null 2>&1
printf 'FROM busybox\nRUNN x\n' | docker build -f - . 2>&1 | grep -o 'unknown instruction: RUNN' | sort -u
docker build -f nosuch . 2>&1 | grep -o 'no such file or directory' | sort -u
docker build --iidfile id --metadata-file md -q --target one . | wc -c; cut -c1-7 id; jq -r 'keys[]' md | grep -c containerimage; docker build -q --metadata-file md -t mn:1 -t mm --target one . | wc -c; jq -c '."image.name"' md; docker rmi mn:1 mm >/dev/null
printf 'FROM busybox\nRUN echo classic > /c\n' > C; DOCKER_BUILDKIT=0 docker build -f C -t cl:1 . 2>/dev/null | grep -E '^(Step|Successfully tagged)'; docker run --rm cl:1 cat /c
printf 'FROM busybox\nRUN exit 7\n' > F; DOCKER_BUILDKIT=0 docker build -f F . 2>&1 | tail -1
mkdir c; printf '%s\n' 'services:' '  a:' '    build: { context: .., target: one, args: { V: 8 } }' '    image: cb:1' '    command: cat /v' '  b:' '    build: { context: .., target: one, args: { V: 9 } }' '    image: cb:2' > c/compose.yaml
docker compose -f c/compose.yaml build >/dev/null 2>&1
docker run --rm cb:1 cat /v; docker run --rm cb:2 cat /v
docker compose -f c/compose.yaml up --build --no-log-prefix a 2>/dev/null | grep '^v8'; docker compose -f c/compose.yaml down 2>/dev/null
docker buildx ls | grep -c running
docker buildx du | grep -c Total
docker rmi -f two:1 one:1 st:1 tr:1 se:1 cl:1 cb:1 cb:2 >/dev/null
docker builder prune -af | grep -c Total
