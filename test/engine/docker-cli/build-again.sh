# builds of a folder that changed since: what the engine kept of it follows
mkdir -p ctx/sub/deep ctx/other && cd ctx
printf 'FROM busybox\nCOPY . /c\n' >Dockerfile
echo one >a; echo two >sub/b; echo three >sub/deep/c; ln -s a link; ln sub/b other/hard
show() { docker run --rm again sh -c 'cd /c && find . | sort | while read f; do if [ -h $f ]; then echo "$f -> $(readlink $f)"; elif [ -d $f ]; then echo "$f/ $(stat -c %a $f)"; else echo "$f $(stat -c %a $f) $(cat $f)"; fi; done'; }
docker build -q -t again . >/dev/null; show
docker build -t again --progress plain . 2>&1 | grep -c CACHED
echo ONE >a; rm -r sub/deep; echo file >sub/deep; rm link; ln -s sub link; docker build -q -t again . >/dev/null; show
chmod 755 a; rm sub/deep link; mkdir -p sub/deep/er link; echo folder >sub/deep/er/d; echo inside >link/x; echo TWO >sub/b; docker build -q -t again . >/dev/null; show
printf sub >.dockerignore; docker build -q -t again . >/dev/null; show
# a folder of the same name elsewhere, and a context by name
mkdir -p ../elsewhere/ctx ../more && cp Dockerfile ../elsewhere/ctx/ && echo elsewhere >../elsewhere/ctx/a
docker build -q -t again ../elsewhere/ctx >/dev/null; show
printf 'FROM busybox\nCOPY --from=more . /c\n' >Dockerfile; echo 1 >../more/m; docker build -q -t again --build-context more=../more . >/dev/null
echo 2 >../more/m; docker build -q -t again --build-context more=../more . >/dev/null; show
docker rmi -f again >/dev/null
