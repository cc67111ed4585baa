# pull and push
# Which layer is told of when is chance.
told() { grep -Ev '^[0-9a-f]{12}: ' | sed -E 's/size: [0-9]+/size: N/'; }
app=$REPOSITORY/app; docker tag busybox $app:1; docker push $app:1 | told
printf 'FROM busybox\nLABEL two=2\n' | DOCKER_BUILDKIT=0 docker build -q -t $app:2 - 2>/dev/null | cut -c1-7; docker push -a $app | told; docker push -q $app:2; docker push -q $app
docker rmi $app:1 $app:2 | grep -c Untagged; docker images -q $app | wc -l
docker pull -a $app | told; docker images --format '{{.Tag}}' $app | sort
docker pull -a $app | told; docker pull -a -q $app
docker pull -a $app:1; docker pull $app | told; docker pull -a $REPOSITORY/nope; docker pull $REPOSITORY/nope:1
docker pull $app:1 | told; docker rmi $app:1 | grep -c Untagged; docker pull $app:1 | told
digest=$(docker inspect -f '{{index .RepoDigests 0}}' $app:1); docker rmi $app:1 >/dev/null; docker pull $digest | told; docker images --format '{{.Tag}}' $app | sort
docker rmi $app:2 $digest | grep -c Untagged
