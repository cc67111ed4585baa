# what COPY and ADD make of folders, modes, archives and patterns, and what ARG makes of ENV
bs() { printf '%s\n' 'FROM busybox' "$@" >Dfile; docker build -q -t bs -f Dfile . >out 2>&1 && docker run --rm bs sh -c 'cd /o && find . -exec stat -c "%A %u %g %N" {} + | sort -k4'; }
mkdir -m 700 d; mkdir d/s; echo a >a; echo b >b; echo c >d/c; tar cf t.tar d
bs 'COPY d /o/p'; bs 'COPY --chmod=g+w d /o'; bs 'COPY --chmod=750 d /o/p/q/'; bs 'COPY --chmod=600 a /o/x/y'; bs 'COPY --chown=3:4 d /o/p/'
bs 'RUN mkdir /o' 'COPY a d /o'; bs 'RUN mkdir /o' 'ADD --chmod=777 --chown=7:8 t.tar /o/'; bs 'WORKDIR /o' 'COPY zz* yy* ./'
printf '%s\n' 'FROM busybox AS from' 'RUN mkdir /s && chmod 700 /s && chown 5 /s && touch /s/f' 'ARG X=5' 'FROM from' 'ENV V=1' 'ARG V=2' 'LABEL l=$V-$X' 'COPY --from=from /s /o/p' 'CMD ls -ld /o /o/p | cut -c1-10' >Dfile; docker build -q -t bs -f Dfile . | wc -c; docker run --rm bs; docker inspect -f '{{json .Config.Labels}} {{json .Config.Env}}' bs
# what cannot be built is told before anything is done
printf 'FROM busybox AS never\nLABEL =x\nFROM busybox\nRUN echo done\n' >Dfile; docker build --progress plain -f Dfile . 2>&1 | grep -v transferring | grep -e done$ -e ^ERROR
for line in 'HEALTHCHECK --retries=-1 CMD x' 'HEALTHCHECK --foo=1 CMD x' 'COPY --link=x a /b' 'COPY --from a /b /c' 'RUN --network=x true' 'SHELL x' 'ARG' 'USER' 'ENV =x' 'VOLUME [""]' 'ONBUILD FROM x' 'EXPOSE 80/x' 'EXPOSE 1-3:7-8'; do printf 'FROM busybox\n%s\n' "$line" | docker build -q - 2>&1 | grep ^ERROR | sed 's/failed to run Build function/failed to solve/'; done
printf 'FROM busybox\nEXPOSE 8080:80 127.0.0.1:9:9/udp\nVOLUME ["/x"]\n' >Dfile; docker build --check -f Dfile . 2>&1 | sed -n '/^Check/,$p'; docker build -q -t bs -f Dfile . | wc -c; docker inspect -f '{{json .Config.ExposedPorts}}' bs
# what a prune's filters leave alone; the host's own address
printf 'FROM busybox\nRUN --mount=type=cache,target=/c,id=cc : >/c/x; grep -c "\sh1$" /etc/hosts >/n\nCMD cat /n\n' >Dfile; docker build -q --add-host h1:host-gateway -t bs -f Dfile . | wc -c; docker run --rm bs
docker builder prune -af --filter until=1h; docker builder prune -af --filter unused-for=1h; docker builder prune -af --filter id=zzzz; docker builder prune -f --filter type=exec.cachemount | wc -l; docker builder prune -f --filter type=exec.cachemount
# targets that are built on others, and contexts in the place of stages
printf 'services:\n  x:\n    image: cb:x\n    build:\n      dockerfile_inline: |\n        FROM y\n        RUN cat /y >/x\n        COPY --from=y /y /z\n      additional_contexts: { y: service:y }\n  y:\n    image: cb:y\n    build: { dockerfile_inline: "FROM busybox\\nRUN echo y >/y\\nENV E=1" }\n' >compose.yaml; docker compose build 2>&1 | grep Built | sort; docker run --rm cb:x sh -c 'cat /x /z; echo $E'
printf 'FROM busybox AS stage\nRUN false\nFROM busybox\nCOPY --from=stage /c /h\nCMD cat /h\n' >Dfile; docker build -q --build-context stage=d -t bs -f Dfile . | wc -c; docker run --rm bs; printf 'FROM busybox AS stage\nRUN false\nFROM stage\nCMD cat /y\n' >Dfile; docker build -q --build-context stage=docker-image://cb:y -t bs -f Dfile . | wc -c; docker run --rm bs
docker rmi bs cb:x cb:y >/dev/null; docker builder prune -af >/dev/null
