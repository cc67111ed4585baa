# ps, inspect, top, port, stats and wait tell of containers
docker run -d --name web --label a=b -p 127.0.0.1:28080:80 busybox httpd -f -p 80
until docker top web | grep -q 'httpd -f -p 80'; do sleep 0.1; done
docker port web
docker port web 80
docker ps --format '{{.Names}} {{.Image}} {{.Command}} {{.Ports}} {{.Labels}} {{.State}} {{.Networks}}'
docker ps -a --filter label=a=b --format '{{.Names}}'
docker ps --filter status=exited --filter name=web
docker ps --filter nosuch=1
docker ps -l --format '{{.Names}}'
docker ps -n 5 --format '{{.Names}}'
docker inspect nosuch
docker inspect -f '{{.State.Status}} {{.Path}} {{.Args}} {{.Config.Image}} {{.HostConfig.NetworkMode}} {{.HostConfig.RestartPolicy.Name}}' web
docker inspect -f '{{json .NetworkSettings.Ports}} {{json .Config.ExposedPorts}} {{json .HostConfig.PortBindings}}' web
docker inspect -f '{{json .HostConfig.MaskedPaths}} {{.HostConfig.ShmSize}} {{.HostConfig.IpcMode}} {{.HostConfig.CgroupnsMode}} {{json .HostConfig.LogConfig}}' web
docker inspect web | jq -c '.[0] | keys'
docker inspect web | jq -c '.[0].HostConfig | keys'
docker inspect web | jq -c '.[0].Config | keys'
docker inspect web | jq -c '.[0].NetworkSettings | keys'
docker inspect web | jq -c '.[0].State | keys'
docker top web | tail -1 | sed 's/.*httpd/httpd/'
docker stats --no-stream --format '{{.Name}} {{.PIDs}}' web
docker run --name short busybox sh -c 'exit 7'
docker wait short
docker ps -a --filter exited=7 --format '{{.Names}} {{.Status}}' | sed 's/) .*/)/'
docker rename web web2
docker rename web2 short
docker update --memory 64m --memory-swap 128m web2
docker update --restart on-failure:3 web2
docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.RestartPolicy.Name}}:{{.HostConfig.RestartPolicy.MaximumRetryCount}}' web2
docker diff short
docker info --format '{{.OSType}} {{.Swarm.LocalNodeState}} {{.CgroupVersion}} {{.Driver}} {{.IndexServerAddress}} {{.NCPU}}'
docker version --format '{{.Server.APIVersion}} {{.Server.MinAPIVersion}} {{.Server.Os}} {{.Server.Arch}}'
docker node ls
docker plugin ls
