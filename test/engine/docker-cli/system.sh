# events, df and prune
docker builder prune -af >/dev/null; since=$(date +%s.%N)
ev() { docker events --since $since --until "$(date +%s.%N)" "$@"; }
docker run -d --name ev --label l=1 busybox true | wc -c
docker wait ev; docker kill ev 2>&1 | sed 's/[0-9a-f]\{64\}/ID/'; docker rm ev
ev --filter container=ev --format '{{.Type}} {{.Action}}'
ev --filter container=ev --filter event=die --format '{{json .Actor.Attributes}}' | sed 's/"execDuration":"[0-9]*"/D/'
ev --filter label=l=1 --filter event=create --format '{{.Actor.Attributes.name}}'
docker volume create evv; ev --filter type=volume --filter event=create --format '{{.Action}} {{.Actor.ID}} {{.Actor.Attributes.driver}}'
docker network create evn | wc -c; ev --filter type=network --filter network=evn --format '{{.Action}} {{.Actor.Attributes.name}} {{.Actor.Attributes.type}}'
docker tag busybox evi:1; ev --filter type=image --filter event=tag --format '{{.Action}} {{.Actor.Attributes.name}}'
docker run --name dead busybox false; docker wait dead
docker system df --format '{{.Type}} {{.TotalCount}} {{.Active}}'
docker system df -v --format '{{range .Volumes}}{{.Name}} {{.Links}}{{end}}'
docker container prune -f --filter label=nosuch
docker container prune -f | sed -E 's/^[0-9a-f]{64}$/ID/'
docker volume prune -af | sed -n 1,2p
docker network prune -f
docker rmi evi:1
docker system prune -f | sed 's/: .*/: X/'
docker run --name sz busybox sh -c 'echo hello >/x'; docker commit sz shared:1 | wc -c
docker system df -v --format '{{range .Images}}{{println .Repository .SharedSize .UniqueSize .Containers}}{{end}}' | sed 's,1.98[0-9]MB,1.98MB,' | grep -e ^busybox -e ^shared | sort
docker rm sz; docker rmi shared:1 >/dev/null; docker system df -v --format '{{range .Images}}{{println .Repository .SharedSize}}{{end}}' | sed 's,1.98[0-9]MB,1.98MB,' | grep ^busybox
