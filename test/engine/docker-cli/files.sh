# cp both ways, archives on stdin and stdout, export and commit
docker run -d --name web busybox sleep 1000
echo hello > f.txt; docker cp f.txt web:/tmp/f.txt; docker exec web cat /tmp/f.txt
docker cp web:/etc/passwd p.txt; sed -n 1p p.txt
mkdir d; echo a > d/a; docker cp d web:/tmp/; docker exec web ls /tmp/d
docker cp web:/tmp/d d2; ls d2
docker cp d/. web:/var; docker exec web ls /var
docker cp web:/etc/group - | tar tf -
tar cf - d | docker cp - web:/var; docker exec web ls /var/d
docker cp web:/nosuch x
docker cp f.txt web:/nosuchdir/x
docker cp nosuch.txt web:/
docker exec web ln -s /etc/passwd /tmp/link; docker cp -L web:/tmp/link - | tar tf -
docker diff web | sort
docker export web | tar tf - | grep -E '^(etc/|etc/passwd|tmp/f.txt)$'
docker create --name still busybox true; docker cp f.txt still:/tmp/; docker cp still:/tmp/f.txt - | tar xOf -
docker commit -m msg -a me -c 'CMD ["cat","/tmp/f.txt"]' -c 'ENV X=y' -c 'LABEL l=m' web mine:1
docker run --rm mine:1
docker inspect -f '{{.Comment}} {{.Author}} {{json .Config.Cmd}} {{index .Config.Labels "l"}}' mine:1
mkdir sparse; cd sparse; for i in $(seq 0 9); do printf "part $i" | dd of=many bs=1 seek=$((i * 1000000 + 1)) conv=notrunc status=none; done; truncate -s 9999999 many; truncate -s 5M hole; printf end | dd of=tail bs=1 seek=3M status=none; cp /bin/true plain; sha256sum * > sums
docker create -i --name sp busybox sh -c 'cd /s && sha256sum -c sums && stat -c "%n %s" *' | wc -c
for format in '--format=posix --sparse-version=0.0' '--format=posix --sparse-version=0.1' '--format=posix --sparse-version=1.0'; do tar -cS --owner 0 --group 0 $format --transform 's,^\./,s/,' -f - ./* | docker cp - sp:/; docker start -a sp; docker run --rm --volumes-from sp busybox true; docker diff sp | sort; docker rm sp; docker create --name sp busybox sh -c 'cd /s && sha256sum -c sums && stat -c "%n %s" *' | wc -c; done
cd ..; rm -r sparse; docker rm sp
docker create --name ports -p 28088:80 -p 81/udp --expose 90 busybox | wc -c; docker commit ports ports:1 | wc -c; docker inspect -f '{{json .Config.ExposedPorts}}' ports:1; docker rm ports; docker rmi ports:1 >/dev/null
docker exec web sh -c 'mkdir -p /tmp/real/sub; echo 1 >/tmp/real/sub/a; ln -s real /tmp/lnk'; docker cp web:/tmp/lnk/ followed; find followed | sort; docker cp web:/tmp/lnk/ - | tar t | sort
docker create --name ro --read-only -v rv:/vol:ro -v wv:/wvol busybox | wc -c; docker cp f.txt ro:/x; docker cp f.txt ro:/vol/x; docker cp f.txt ro:/wvol/x; docker cp ro:/wvol/x - | tar t; docker rm ro
