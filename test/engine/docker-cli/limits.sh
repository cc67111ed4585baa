# limits: what no container can have here, what only this kernel lacks, and updates that contradict what is there
docker run --rm --cpus 9999 busybox true
docker run --rm --cpu-period 10 busybox true
docker run --rm --cpu-quota 10 busybox true
docker run --rm --cpus 1 --cpu-quota 5000 busybox true
docker run --rm --cpus 1 --cpu-period 5000 busybox true
docker run --rm --cpuset-cpus 4000 busybox true
docker run --rm --cpuset-cpus 0-1000000 busybox true
docker run --rm --cpuset-cpus a busybox true
docker run --rm --cpuset-mems 3000 busybox true
docker run --rm --cpuset-mems x-y busybox true
docker run --rm --memory 1m busybox true
docker run --rm --memory 64m --memory-swap 32m busybox true
docker run --rm --memory-swap 64m busybox true
docker run --rm --memory-reservation 1m busybox true
docker run --rm --memory 64m --memory-reservation 65m busybox true
docker run --rm --memory-swappiness 101 busybox true
docker run --rm --memory-swappiness 50 busybox true
docker run --rm --oom-kill-disable busybox true
docker run --rm --blkio-weight-device /dev/nosuch:200 busybox true
docker run --rm --device-read-bps /dev/nosuch:1mb busybox true
docker run --rm --pids-limit -5 busybox true
docker run -d --name cap -m 64m busybox sleep 1000
docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}} {{.HostConfig.MemorySwappiness}} {{.HostConfig.OomKillDisable}}' cap
docker update -m 256m cap
docker update -m 100m cap
docker inspect -f '{{.HostConfig.Memory}} {{.HostConfig.MemorySwap}}' cap
docker update --cpus 1 cap
docker update --cpu-period 10000 cap
docker update --cpu-quota 10000 cap
docker update --cpus 9999 cap
docker update --cpuset-cpus 4000 cap
docker update --cpuset-mems 4000 cap
docker run -d --name share --cpu-period 50000 --cpu-quota 25000 busybox sleep 1000
docker update --cpus 1 share
docker run -d --rm --name short busybox sleep 1000
docker update --restart always short
docker run -d --name calm -m 64m --oom-kill-disable --memory-swappiness 10 busybox sleep 1000
docker inspect -f '{{.HostConfig.MemorySwappiness}} {{.HostConfig.OomKillDisable}}' calm
docker rm -f cap share short calm
