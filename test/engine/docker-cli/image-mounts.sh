# mounts of images
im() { docker "$@" 2>said; local code=$?; grep -v 'experimental feature' said >&2; return $code; }
im run --name im1 --mount type=image,source=busybox,target=/img busybox sh -c 'ls /img; touch /img/x; echo $?; grep " /img " /proc/mounts | cut -d" " -f2,3,4 | cut -d, -f1' 2>/dev/null
docker inspect -f '{{json .HostConfig.Mounts}} {{range .Mounts}}{{.Type}} {{.Name}} {{.Destination}} {{.Mode}} {{.RW}} {{.Propagation}}{{end}}' im1
docker start -a im1 2>/dev/null
docker run --rm --volumes-from im1 busybox ls /img
docker rm im1
im run --rm --mount type=image,source=busybox,target=/img,image-subpath=etc busybox ls /img
im run --rm --mount type=image,source=busybox,target=/img,image-subpath=etc/passwd busybox cat /img
im run --rm --mount type=image,source=busybox,target=/img,image-subpath=nope busybox ls /img 2>&1 | grep -c 'no such file or directory'
im run --rm --mount type=image,source=busybox,target=/img,image-subpath=../x busybox ls /img
im run --rm --mount type=image,source=busybox,target=/img,image-subpath=/etc busybox ls /img
im run --rm --mount type=image,target=/img busybox ls /img
printf 'FROM busybox\nRUN mkdir /two && echo second > /two/f && rm /etc/group && ln -s /two/f /link\n' | docker build -q -t layered:1 - >/dev/null
im run -d --name im2 --mount type=image,source=layered:1,target=/img busybox sleep 1000 | wc -c
docker exec im2 sh -c 'cat /img/two/f; ls /img/etc; readlink /img/link'
docker cp im2:/img/two/f - | tar xO
docker rm -f im2
docker rmi layered:1 >/dev/null
