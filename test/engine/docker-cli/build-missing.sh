# a file that a build does not find is told as BuildKit tells it
words() { sed -E 's/ref [a-z0-9:-]+: /ref X: /'; }
printf 'FROM busybox\nRUN true\nCOPY nope /x\n' >Dockerfile
docker build . 2>&1 | grep -Ev '^(#.*)?$' | words
printf 'FROM busybox AS one\nRUN true\nFROM busybox\nCOPY --from=one /no/file /x\n' >Dockerfile
docker build . 2>&1 | grep ERROR: | tail -1 | words
printf 'FROM busybox\nADD sub/nope more /x/\n' >Dockerfile; touch more
docker build . 2>&1 | grep ERROR: | tail -1 | words
echo hidden >.dockerignore; touch hidden; printf 'FROM busybox\nCOPY hidden /x\n' >Dockerfile
docker build . 2>&1 | grep ERROR: | tail -1 | words
