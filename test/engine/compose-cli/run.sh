# commands run in services
use tasks
compose run --rm base echo hello
compose run --rm -T base sh -c 'exit 7'
compose run --rm -T base sh -c 'echo out; echo err >&2' 2>/dev/null
compose run --rm -T base sh -c 'kill -9 $$'
compose run --rm -T fails
compose run --rm -T entry
compose run --rm -T entry more words
compose run --rm -T --entrypoint 'echo other' entry more
compose run --rm -T --entrypoint '' entry echo none
compose run --rm -T --entrypoint "sh -c 'echo quoted words'" entry
echo typed | compose run --rm -T base cat
echo typed | compose run --rm -T -i=false base cat
echo typed | compose run --rm -T --interactive=false base cat
compose ps -aq | wc -l
compose run --rm --no-deps -T app sh -c 'echo $SAID $ONLY; hostname; pwd; id -u'; compose ps -aq
ONLY=ours compose run --rm --no-deps -T -e SAID=flag -e ONLY -e MORE=m -e GONE app sh -c 'echo $SAID $ONLY $MORE $GONE'
printf '# note\nSAID=env-file\nMORE="quoted $HOME"\n' > more.env; HOME=/h compose run --rm --no-deps -T --env-from-file more.env -e ONLY=x app sh -c 'echo $SAID $ONLY $MORE'
compose run --rm --no-deps -T --env-from-file nope.env app true
compose run --rm --no-deps -T -u 65534 -w /etc app sh -c 'id -u; pwd'
compose run --rm --no-deps -T -v $PWD/files:/mine:ro -v extra:/extra app sh -c 'ls /mine /files; touch /mine/x || echo ro; mount | grep -c " /extra "'
compose run --rm --no-deps -T --cap-drop ALL app chown 1 /tmp
compose run --rm --no-deps -T --cap-add SYS_ADMIN app sh -c 'mount -t tmpfs none /mnt 2>/dev/null || mkdir -p /mnt; grep CapPrm /proc/self/status'
compose run -d --no-deps --name mine -l who=me app | sed 's/^[0-9a-f]\{64\}$/ID/'; compose ps -a --format '{{.Name}} {{.Service}} {{.State}} {{.Ports}} {{.Label "who"}} {{.Label "made"}} {{.Label "com.docker.compose.oneoff"}}'
compose run -d --no-deps --name mine app
compose ps -q | wc -l
compose ps -q --all | wc -l
compose logs app
compose run --rm -T --no-deps -P app echo ports; compose run --rm -T --no-deps --service-ports app echo ports
compose run -d --no-deps -P --name portly app >/dev/null; compose ps -a --format '{{.Name}} {{.Ports}}' | sort
compose run -d --no-deps -p 127.0.0.1:$PORT:81 --name clash app >/dev/null
compose run -d --no-deps -p 127.0.0.1::81 base >/dev/null; compose ps -a --format '{{.Ports}}' base | sed 's/:[0-9]*->/:N->/'
compose run -d --no-deps --use-aliases --name alias app >/dev/null; compose run --rm -T --no-deps base sh -c 'nslookup front 127.0.0.11 >/dev/null && echo found front; nslookup app 127.0.0.11 > /dev/null && echo found app'
compose down -t 0 --remove-orphans; compose ps -aq
compose run --rm -T --no-deps base sh -c 'nslookup front 127.0.0.11 >/dev/null || echo no front'
compose run --rm -T app true; compose ps --services
compose run --rm -T nope true
compose run
compose run --rm -T --no-deps base nope
compose run --rm -T --no-deps base /etc/passwd
compose run --rm -T --pull never --no-deps base echo pulled; compose run --rm -T --pull nope base true
compose run --rm -T --build --no-deps base echo built
compose run --rm -T --quiet-pull --quiet-build -q --no-deps base echo quiet 2>&1
compose run -T base true; compose ps -a --format '{{.Service}} {{.State}} {{.ExitCode}}' | sort; compose down -t 0; compose ps -aq | wc -l
compose down --remove-orphans; compose ps -aq | wc -l
# in one that runs
compose up -d app
compose exec -T app echo hello -T=false --privileged=true
compose exec app echo hello
compose exec -T app sh -c 'exit 7'
compose exec -T app sh -c 'kill -9 $$'
compose exec -T app nope
compose exec -T app /etc/passwd
compose exec -T app sh -c 'echo out; echo err >&2' 2>/dev/null
echo typed | compose exec -T app cat
echo typed | compose exec -T --interactive=false app cat
ONLY=ours compose exec -T -e SAID=flag --env ONLY -e GONE app sh -c 'echo $SAID $ONLY $GONE'
compose exec -T -u 65534 -w /etc app sh -c 'id -u; pwd'
compose exec -T --user nobody app id -un
compose exec -T --user nope app id
compose exec -T --workdir /nope app pwd
compose exec -T --privileged app sh -c 'grep CapEff /proc/self/status' | tr -d '\t'
compose exec -d app touch /tmp/behind; compose exec -T app sh -c 'until [ -e /tmp/behind ]; do sleep 0.1; done; echo there'
compose exec -d app sh -c 'exit 7'
compose exec -T --index 1 app echo first
compose exec -T --index 2 app echo second
compose exec -T nope true
compose exec -T entry true
compose exec app
compose exec
compose -p none exec -T app true
compose scale base=2; compose exec -T --index 2 base hostname | wc -l; compose exec -T base echo lowest
compose stop -t 0 base; compose exec -T base true
# files
compose cp app:/files/one got; cat got
compose cp app:/files .; ls files got; compose cp app:/files dir; ls dir
compose cp got app:/tmp/sent; compose exec -T app cat /tmp/sent
compose cp files app:/tmp; compose exec -T app ls /tmp/files
compose cp files/. app:/tmp/into; compose exec -T app ls /tmp/into
compose cp app:/files/one - | tar -tf -
tar -cf - got | compose cp - app:/tmp; compose exec -T app cat /tmp/got
ln -sf got link; compose cp link app:/tmp/l1; compose cp -L link app:/tmp/l2; compose exec -T app sh -c 'ls -l /tmp/l1 /tmp/l2 | cut -c1'
compose cp nope app:/tmp/x
compose cp app:/nope x
compose cp got app:/nope/deep/
compose cp got nope:/tmp
compose cp got entry:/tmp
compose cp app:/files/one base:/tmp
compose cp one.txt two.txt
compose up -d base; compose cp got base:/tmp/all; compose exec -T --index 2 base cat /tmp/all; compose cp --index 1 got base:/tmp/one; compose exec -T --index 2 base ls /tmp/one
compose cp --index 9 got base:/tmp
# streams
compose up -d reader; compose attach --no-stdin reader | { read -r line; echo $line; compose kill reader; cat >/dev/null; }
compose attach nope
compose attach fails
# as archive and image
compose export app | tar -tf - | grep -cE '^(bin/busybox|etc/passwd)$'
compose export -o app.tar app; tar -tf app.tar | grep -c busybox
compose export --index 2 base | tar -t | grep -c '^tmp/all'
compose export --index 7 base
compose export entry
compose export nope
compose commit app shot:one | cut -c1-7; compose commit -m why -a me -c 'CMD ["echo", "committed"]' --index 1 -p=false app shot:two | cut -c1-7
compose commit base | cut -c1-7
compose commit nope x
compose commit entry x
printf 'services: { s: { image: "shot:two" } }' | compose -p shot -f - run --rm -T s
compose down -v -t 0 --remove-orphans; compose ls -aq
