# a container's confinement: every way out is answered as dockerd answers it
probe() { docker run --rm --network none -v "$(dirname "$script")/confinement.pl:/probe.pl:ro" -v /usr:/usr:ro -v /usr/lib:/lib:ro -v /usr/lib64:/lib64:ro "$@" busybox /usr/bin/perl /probe.pl; }
script=$1
probe
probe --user 1000
probe --cap-drop ALL --security-opt no-new-privileges | sort | uniq -c | sort -rn | awk '/allowed/'
docker run -d --name web --network none busybox sleep 1000
until docker top web | grep -q 'sleep 1000'; do sleep 0.1; done
docker exec web ls /proc/1/fd /proc/1/task/1/fd
docker exec web sh -c 'exec ls /proc/self/fd'
