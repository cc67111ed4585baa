# What a process may not do, tried one by one; each answer is the kernel's, so two engines can be compared.
# System calls by their number on x86-64.
use strict;
use warnings;
use Errno;

my ($NEWNS, $NEWUSER, $NEWNET, $NEWPID) = (0x20000, 0x10000000, 0x40000000, 0x20000000);
my ($tmpfs, $none, $tmp, $dir) = ("tmpfs", "none", "/tmp", "/");

sub told { my ($what, $result) = @_; printf "%s: %s\n", $what, $result ? "allowed" : "refused, $!" }

sub call {
  my ($name, $number, @arguments) = @_;
  my $result = syscall($number, @arguments);
  told($name, $result >= 0);
}

# A child: what is allowed there must not change what the next probe sees.
sub apart {
  my ($probe) = @_;
  $| = 1;
  my $pid = fork();
  if ($pid == 0) { $probe->(); exit 0 }
  waitpid($pid, 0);
}

call("mount", 165, $none, $tmp, $tmpfs, 0, 0);
call("umount2", 166, "/proc", 2);
call("pivot_root", 155, $tmp, $tmp);
call("fsopen", 430, $tmpfs, 0);
call("open_tree", 428, -100, $dir, 1);
call("move_mount", 429, -100, $dir, -100, $tmp, 0);
call("mount_setattr", 442, -100, $dir, 0, 0, 0);
apart(sub { call("unshare user", 272, $NEWUSER) });
apart(sub { call("unshare mount", 272, $NEWNS) });
apart(sub { call("unshare net", 272, $NEWNET) });
apart(sub { open(my $ns, "<", "/proc/1/ns/uts"); call("setns", 308, fileno($ns), 0) });
apart(sub { call("clone user", 56, $NEWUSER | 17, 0, 0, 0, 0) });
apart(sub { call("clone pid", 56, $NEWPID | 17, 0, 0, 0, 0) });
call("clone3", 435, pack("Q8", (0) x 8), 64);
call("keyctl", 250, 0, -3, 0, 0, 0);
call("add_key", 248, "user", "probe", "x", 1, -3);
call("request_key", 249, "user", "probe", 0, 0);
call("bpf", 321, 0, pack("Q16", (0) x 16), 128);
call("perf_event_open", 298, pack("L30", 0, 120, (0) x 28), 0, -1, -1, 0);
call("userfaultfd", 323, 0);
call("open_by_handle_at", 304, -100, pack("L4", 8, 1, 0, 0), 0);
call("init_module", 175, 0, 0, "");
call("finit_module", 313, -1, "", 0);
call("delete_module", 176, "probe", 0);
call("kexec_load", 246, 0, 0, 0, 0);
call("reboot", 169, 0, 0, 0, 0);
call("swapon", 167, "/probe", 0);
call("sethostname", 170, "probe", 5);
call("setdomainname", 171, "probe", 5);
call("settimeofday", 164, pack("q2", 0, 0), 0);
call("clock_settime", 227, 0, pack("q2", 0, 0));
call("acct", 163, 0);
call("iopl", 172, 3);
call("ioperm", 173, 0, 1, 1);
call("syslog", 103, 3, "x" x 16, 16);
call("quotactl", 179, 0, 0, 0, 0);
call("vhangup", 153);
call("ptrace of pid 1", 101, 16, 1, 0, 0);
call("process_vm_readv", 310, 1, 0, 0, 0, 0, 0);
call("kcmp", 312, 1, $$, 0, 0, 0);
call("personality", 135, 0x0040000);
call("io_uring_setup", 425, 1, pack("L30", (0) x 30));
call("socket vsock", 41, 40, 1, 0);
call("socket packet", 41, 17, 3, 0);
call("socket netlink audit", 41, 16, 3, 9);
call("fanotify_init", 300, 0, 0);
call("pidfd_getfd", 438, -1, 0, 0);
call("mknod", 133, "/probe-disk", 0060600, 8 << 8);
call("chroot", 161, $dir);
call("nice", 141, 0, 0, -5);
call("setxattr trusted", 188, "/tmp", "trusted.probe", "x", 1, 0);

sub opened { my ($mode, $path) = @_; told("open $mode $path", open(my $file, $mode, $path)) }

opened("<", "/probe-disk");
opened("<", $_) for ("/dev/kmsg", "/dev/mem", "/proc/1/mem", "/proc/1/root/etc/passwd", "/proc/kmsg", "/proc/sched_debug");
opened(">", $_) for (
  "/proc/sysrq-trigger", "/proc/sys/kernel/core_pattern", "/proc/sys/kernel/modprobe", "/proc/sys/vm/drop_caches",
  "/proc/irq/default_smp_affinity", "/proc/bus/probe", "/sys/kernel/mm/ksm/run", "/sys/kernel/uevent_helper"
);
# The folder of the hierarchies is a small tmpfs of the container's own, 0555 by runc and 1777 by crun: whether those without
# capabilities may make a folder in it is the OCI runtime's affair. What is below is the machine's.
my $is_bare = `cat /proc/self/status` =~ /^CapEff:\s*0+$/m;
told("mkdir in $_", mkdir("$_/probe"))
  for ($is_bare ? () : "/sys/fs/cgroup", "/sys/fs/cgroup/memory", "/proc/sys");
for my $agent (glob("/sys/fs/cgroup/*/release_agent")) { opened(">", $agent) }
told("kill of a process of nobody", kill(0, 2**22 - 1));

# What is masked is empty, or is not there.
for my $path (
  (map { "/proc/$_" } qw(acpi asound interrupts kcore keys latency_stats sched_debug scsi timer_list timer_stats)),
  "/sys/firmware", "/sys/devices/virtual/powercap", glob("/sys/devices/system/cpu/cpu*/thermal_throttle")
) {
  if (!-e $path) { print "$path: absent\n" }
  elsif (-d $path) { opendir(my $folder, $path); printf "%s: %d entries\n", $path, scalar(grep { !/^\.+$/ } readdir($folder)) }
  else { open(my $file, "<", $path); my $bytes = read($file, my $data, 64) // "no"; print "$path: $bytes bytes\n" }
}
