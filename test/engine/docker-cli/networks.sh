# networks: addresses, names, ports, and what is refused
docker network create n1 | wc -c
docker network create n1
docker network create --subnet 10.99.0.0/24 --gateway 10.99.0.1 --label k=v n2 | wc -c
docker network create --subnet 10.99.0.0/25 n3 2>&1 | grep -o 'Pool overlaps with other one on this address space'
docker network create --driver bridge --internal n4 | wc -c
docker network ls --format '{{.Name}} {{.Driver}} {{.Scope}}' | sort
docker network ls --filter label=k --format '{{.Name}}'
docker network inspect -f '{{.Name}} {{json .IPAM.Config}} {{.Labels}} {{.Internal}} {{.EnableIPv6}}' n2
docker network inspect n2 | jq -c '.[0] | keys'
docker run -d --name a1 --network n2 --ip 10.99.0.10 --network-alias al busybox sleep 1000
docker run --rm --network n2 busybox ping -c1 -W9 -q a1 | grep -c '1 packets received'
docker run --rm --network n2 busybox ping -c1 -W9 -q al | sed -n 1p
docker inspect -f '{{json .NetworkSettings.Networks.n2.Aliases}} {{.NetworkSettings.Networks.n2.IPAddress}} {{.NetworkSettings.Networks.n2.Gateway}} {{.NetworkSettings.Networks.n2.IPPrefixLen}}' a1
docker network inspect -f '{{range .Containers}}{{.Name}} {{.IPv4Address}}{{end}}' n2
docker network connect --alias second n1 a1
docker network connect n1 a1
docker run --rm --network n1 busybox ping -c1 -W9 -q second | grep -c '1 packets received'
docker network rm n1 2>&1 | sed 's/id [0-9a-f]*/id X/'
docker network disconnect n1 a1
docker network disconnect n1 a1
docker network rm bridge
docker network rm nosuch
docker network connect nosuch a1
docker network connect n1 nosuch
docker run --rm --network n4 busybox ip route | grep -c default
docker run --rm --network host busybox hostname | grep -c "$(hostname)"
docker run --rm --network none busybox ip -o link | wc -l
docker run --rm --network container:a1 busybox hostname -i
docker rm -f a1
docker network rm n1 n2 n4
docker run -d --name p1 -p 28081:80 busybox httpd -f -p 80 | wc -c
docker run --name p2 -p 28081:80 busybox true 2>&1 | grep -o 'port is already allocated'
docker rm -f p1 p2
docker run -d --name pr -P --expose 90 busybox sleep 100 | wc -c
docker port pr | sed 's/:[0-9]*$/:PORT/'
docker run -d --name rng -p 28090-28092:90-92 busybox sleep 100 | wc -c
docker port rng
docker run -d --name u -p 28093:53/udp -p 127.0.0.1:28094:54 busybox sleep 100 | wc -c
docker ps --filter name=^u$ --format '{{.Ports}}'
docker network prune -f
docker network create --subnet 10.99.1.0/16 bad
docker network create --subnet 10.99.0.0/33 bad
docker network create --subnet 10.99.0.0/16 --gateway 10.98.0.1 bad
docker network create --subnet 10.99.0.0/16 --ip-range 10.99.1.1/24 bad
docker network create --subnet 10.99.0.0/16 --aux-address a=x bad
docker network create --subnet 10.99.0.0/24 good | wc -c
docker network create --subnet 10.99.1.0/16 good
docker network rm good
docker network create --subnet 10.99.0.0/24 --aux-address r=10.99.0.9 kept | wc -c
for last in 0 1 9 255; do docker run --rm --network kept --ip 10.99.0.$last busybox true 2>&1 | grep -o 'Address already in use'; done
docker run --rm --network kept --ip fd00::1 busybox true 2>&1 | grep -o 'invalid IPv4 address: fd00::1'
docker run --rm --network name=kept,driver-opt=com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1 busybox cat /proc/sys/net/ipv4/conf/eth0/log_martians
docker network rm kept
