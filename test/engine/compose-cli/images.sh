# images are built, pushed and pulled
use made
image() { compose run --rm -T --no-deps "$1" cat "$2"; }
compose images -q
compose build >/dev/null
compose build -q; compose build --quiet app
compose build --build-arg SAID=flag app >/dev/null; image app /said
SAID=ours compose build --build-arg SAID app >/dev/null; image app /said
image app /random > one; compose build --build-arg SAID app >/dev/null; image app /random | cmp -s one; echo same $?
image app /random > one; compose build --no-cache app >/dev/null; image app /random | cmp -s one; echo same $?
compose build --pull base >/dev/null; echo $?
compose build plain
compose build nope
compose build --with-dependencies app >/dev/null
compose build --builder default --memory 100m --progress plain app >/dev/null
compose config --images | sort
compose push; compose push -q
compose push app
compose push base
compose push plain
compose push --include-deps app
compose push nope
compose push --ignore-push-failures
compose build --push app >/dev/null
printf 'services: { app: { image: "%s/app" } }\n' $REPOSITORY > solo.yaml; compose -p solo -f solo.yaml create; compose down -t 0; compose -p solo -f solo.yaml down --rmi all; compose create --no-build app
compose pull app; compose pull -q app
compose pull
compose pull --ignore-buildable
compose pull --ignore-pull-failures
compose pull --include-deps app
compose pull --policy missing app; compose pull --policy always app
compose pull --policy nope app
compose pull base
compose pull nope
compose pull app plain
printf 'services:\n  a: { image: "%s/nope/a" }\n  b: { image: "%s/app" }\n' $REPOSITORY $REPOSITORY > missing.yaml
compose -p missing -f missing.yaml pull
compose -p missing -f missing.yaml pull --ignore-pull-failures
compose -p missing -f missing.yaml pull --policy missing b
compose -p missing -f missing.yaml pull -q a
compose -p missing -f missing.yaml up -d
compose -p missing -f missing.yaml up -d --pull never
compose -p missing -f missing.yaml up -d --pull always b
compose -p missing -f missing.yaml create a
compose -p missing -f missing.yaml run --rm a
compose -p missing -f missing.yaml push
compose -p missing -f missing.yaml build
compose -p missing -f missing.yaml ps -aq | wc -l; compose -p missing -f missing.yaml down -t 0
compose up -d --build app >/dev/null; compose up -d --quiet-build --build app; compose images --format json | jq -c '.[] | [.ContainerName, .Tag]' | sort
compose up -d --no-build app
compose --parallel 1 pull -q app; compose --parallel 1 build -q; COMPOSE_PARALLEL_LIMIT=1 compose build -q
printf 'FROM busybox\nRUN exit 3\n' > Broken; printf 'services: { bad: { build: { context: ., dockerfile: Broken } }, worse: { build: ./nope } }\n' > broken.yaml
compose -f broken.yaml build bad >/dev/null
compose -f broken.yaml build worse >/dev/null
compose -f broken.yaml up -d bad >/dev/null
compose -f broken.yaml up -d --no-build bad
compose down --rmi local -t 0 >/dev/null 2>&1; compose images -q
