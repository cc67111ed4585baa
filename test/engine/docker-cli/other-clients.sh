# What other clients than docker's own ask for comes out as on dockerd
api() { curl -sN --unix-socket "${DOCKER_HOST#unix://}" "$@"; }
json() { api -H 'Content-Type: application/json' "$@"; }
frames() { od -An -v -tx1 | tr -d ' \n' | sed 's/0[12]000000/\n&/g'; echo; }
docker run -d --name lines busybox sh -c 'echo one; echo two' | wc -c
docker wait lines
api "http://d/containers/lines/logs?stdout=1&follow=1" | frames
api "http://d/containers/lines/logs?stdout=1&follow=1&tail=1" | frames
docker run -d --name execs busybox sleep 100 | wc -c
execs() { id=$(json http://d/containers/execs/exec -d "{\"Cmd\":[\"printf\",\"hello\"],\"AttachStdout\":true,\"Tty\":$1}" | jq -r .Id); json "http://d/exec/$id/start" -d "{\"Tty\":$2}" | frames; }
execs true true
execs true false
execs false false
execs false true
docker run --rm -v /mnt -v bound:/mnt busybox grep -c /mnt /proc/mounts
docker run -v /mnt -v bound:/mnt --name both busybox true
docker inspect -f '{{range .Mounts}}{{.Name}} {{.Destination}}{{end}} {{json .Config.Volumes}} {{json .HostConfig.Binds}}' both
docker run --rm --volumes-from both -v /mnt --name from busybox grep -c /mnt /proc/mounts
docker create --name from --volumes-from both -v /mnt busybox true | wc -c
docker inspect -f '{{range .Mounts}}{{.Name}} {{.Destination}}{{end}}' from
docker create --name driven --volume-driver local -v bound:/mnt -v /other busybox true | wc -c
docker inspect -f '{{json .HostConfig.Binds}} {{json .HostConfig.Mounts}} {{.HostConfig.VolumeDriver}}' driven
json -w '%{http_code}\n' http://d/containers/create -d '{"Image":"busybox","Volumes":{"/other":{}},"HostConfig":{"VolumeDriver":"nosuch"}}' | sed 's/ nosuch:.*"/"/'
docker create --name bare -e BARE -e PATH -e FULL=1 busybox sh -c 'env; true' | wc -c
docker inspect -f '{{json .Config.Env}}' bare | jq -c 'map(select(startswith("PATH")|not))|sort'
docker run --rm -e BARE -e FULL=1 busybox env | grep -v HOSTNAME
docker create --name isolated --isolation default busybox true | wc -c
docker inspect -f '{{.HostConfig.Isolation}}' isolated
docker create --isolation hyperv busybox true
build() { api -X POST "http://d/build?$1" -H 'Content-Type: application/x-tar' --data-binary @context.tar; }
printf 'FROM busybox\nENV A=1\nRUN echo out; echo err >&2\nRUN touch two\n' >Dockerfile; tar -cf context.tar Dockerfile
build 't=cached&nocache=1' | jq -r '.stream // empty' | grep -a -c "$(printf '\033\\[91merr')"
build 't=again&cachefrom=%5B%22cached%22%5D' | grep -c 'Using cache'
build 't=again&cachefrom=%5B%22nosuchimage%22%5D' | grep -c 'Using cache'
build 't=again' | grep -c 'Using cache'
docker rmi -f cached again >rmi.txt
printf 'lololol\n' >Dockerfile; tar -cf context.tar Dockerfile
build t=wrong -w ' %{http_code}\n'
printf 'FROM busybox\nCOPY nosuch /\n' >Dockerfile; tar -cf context.tar Dockerfile
build t=wrong | jq -r '.stream // .error' | sed 's/[0-9a-f]\{12\}/ID/'
api http://d/containers/execs/top | jq -c keys_unsorted
docker exec execs sh -c 'echo text >/stamped'
api -o stamped.tar 'http://d/containers/execs/archive?path=/stamped'; head -c 600 stamped.tar | strings -n 3 | sed -n '1p;$p'
pull() { api -X POST "http://d/images/create?$1" -w '%{http_code}\n' | grep -v '^{"status"'; }
pull 'fromImage=nosuch&tag=a:b'
pull 'fromImage=nosuch&tag=-a'
pull 'fromImage=NOSUCH:x&tag=a'
pull 'fromImage=busybox&platform=foo'
build platform=foo
api -X POST 'http://d/volumes/prune?filters=%7B%22label%22%3A%5B%22nosuch%22%5D%7D'
