# Runs on the node: samples which TCP sockets of each pod listen. Commands come on standard input, one a line; JSON objects go to
# standard output, one a line. Perl without modules: it is part of every Debian, and the node has no Python.
#
#   watch POD PATTERN   from now on; PATTERN matches the control group of the pod's processes, and of no other's
#   forget POD
#   seal WORD           print what was sampled until now, then {"sealed": "WORD"}
#   stay                nothing; this ends without a command for five minutes, and when its input ends
#
#   {"pod", "at_ns", "sockets": [[address, port, inode, v6only], ...], "looks_us": [[start, took], ...], "cpu_ms"}
#       Looks that all found the same sockets. at_ns: UTC, when the first look began; start: after at_ns. address: hexadecimal.
#       cpu_ms: CPU time that this program has used, for all pods.
use strict;
use warnings;

my ($every_ms) = @ARGV;
my $every_ns = $every_ms * 1_000_000;
my $print_ns = 1_000_000_000;    # no line is longer than a second
my $find_ns  = 500_000_000;      # a search for a pod's processes reads a file of each process of the node
my $life_ns  = 300_000_000_000;
my $proc     = $ENV{KNATIVE_CHAOS_PROC} // '/proc';
my ($AF_NETLINK, $SOCK_RAW, $SOCK_DIAG, $CLONE_NEWNET) = (16, 3, 4, 0x40000000);
my ($GETSOCK, $DUMP, $DONE, $ERROR, $LISTEN) = (18, 0x301, 3, 2, 10);
my $SCHED_RR = 2;
my %calls = (x86_64 => [228, 308, 144], aarch64 => [113, 268, 119]);
chomp(my $machine = `uname -m`);
my ($clock_gettime, $setns, $sched_setscheduler) = @{ $calls{$machine} // die "its numbers of system calls are not known for $machine\n" };

# One dump of both families. With sock_diag's own request each family is a walk through all of the kernel's table.
my $request = pack('LSSLL CCCC nn x32 L LL LL', 76, $GETSOCK, $DUMP, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1 << $LISTEN, 0);
my %pods;    # name -> pattern, socket (of the pod's network, kept whatever becomes of its processes), and the looks not printed yet
my $input = '';
my $time  = pack 'qq', 0, 0;

sub now_ns {
    syscall $clock_gettime, 0, $time;
    my ($s, $ns) = unpack 'qq', $time;
    return $s * 1_000_000_000 + $ns;
}

# A socket in the network of the pod's processes, none of which needs to live on after this.
sub enter {
    my ($pattern) = @_;
    my $own = readlink '/proc/self/ns/net';
    for my $group (glob "$proc/[0-9]*/cgroup") {
        open my $file, '<', $group or next;
        my $found = grep { /$pattern/ } <$file>;
        close $file;
        next unless $found;
        (my $net = $group) =~ s{cgroup$}{ns/net};
        my $its = readlink $net or next;
        next if $its eq $own && $proc eq '/proc';    # it has not joined its pod's network yet
        open my $home, '<', '/proc/self/ns/net' or die "its own network: $!\n";
        if ($its ne $own) {
            open my $theirs, '<', $net or next;
            syscall($setns, fileno $theirs, $CLONE_NEWNET) == 0 or next;
        }
        my $made = socket(my $socket, $AF_NETLINK, $SOCK_RAW, $SOCK_DIAG);
        my $why  = $!;
        $its eq $own or syscall($setns, fileno $home, $CLONE_NEWNET) == 0 or die "back into its own network: $!\n";
        $made or die "netlink: $why\n";
        return $socket;
    }
    return undef;
}

sub listening {
    my ($socket) = @_;
    send $socket, $request, 0 or die "netlink: $!\n";
    my @found;
    while (1) {
        my $answer;
        defined recv $socket, $answer, 65536, 0 or die "netlink: $!\n";
        for (my $at = 0; $at + 16 <= length $answer;) {
            my ($length, $type) = unpack 'LS', substr $answer, $at, 6;
            return join ',', sort @found if $type == $DONE;
            $length >= 16 or die "netlink: a message of $length bytes\n";
            die 'netlink: error ' . -unpack('l', substr $answer, $at + 16, 4) . "\n" if $type == $ERROR;
            my ($family, $port, $address) = unpack 'C x3 n x2 a16', substr $answer, $at + 16, 24;
            my $inode = unpack 'L', substr $answer, $at + 16 + 68, 4;
            my $v6only = 0;
            for (my $attr = $at + 16 + 72; $attr + 5 <= $at + $length;) {
                my ($size, $kind) = unpack 'SS', substr $answer, $attr, 4;
                $v6only = unpack 'C', substr $answer, $attr + 4, 1 if $kind == 11;
                last if $size < 4;
                $attr += ($size + 3) & ~3;
            }
            my $text = unpack 'H*', $family == 2 ? substr $address, 0, 4 : $address;
            push @found, "[\"$text\",$port,$inode,$v6only]";
            $at += ($length + 3) & ~3;
        }
    }
}

sub put {
    my ($name) = @_;
    my $pod = $pods{$name};
    return unless @{ $pod->{looks} };
    my ($user, $system) = times;
    my $cpu_ms = int 1000 * ($user + $system);
    my $looks = join ',', @{ $pod->{looks} };
    print qq({"pod":"$name","at_ns":$pod->{at_ns},"sockets":[$pod->{sockets}],"looks_us":[$looks],"cpu_ms":$cpu_ms}\n);
    $pod->{looks} = [];
}

sub look {
    my ($name) = @_;
    my $pod    = $pods{$name};
    my $from   = now_ns();
    if (!$pod->{socket}) {
        return if $from < ($pod->{find_ns} // 0);
        $pod->{find_ns} = $from + $find_ns;
        $pod->{socket} = enter($pod->{pattern}) or return;
        $from = now_ns();
    }
    my $sockets = listening($pod->{socket});
    my $took_us = int((now_ns() - $from + 999) / 1000);
    put($name) if @{ $pod->{looks} } && ($sockets ne $pod->{sockets} || $from - $pod->{at_ns} >= $print_ns);
    @$pod{qw(at_ns sockets)} = ($from, $sockets) unless @{ $pod->{looks} };
    push @{ $pod->{looks} }, '[' . int(($from - $pod->{at_ns}) / 1000) . ",$took_us]";
}

sub obey {
    my ($verb, $name, $pattern) = split ' ', $_[0];
    if    (!defined $verb || $verb eq 'stay') { }
    elsif ($verb eq 'watch')  { $pods{$name} //= { pattern => $pattern, looks => [] } }
    elsif ($verb eq 'forget') { put($name) if $pods{$name}; delete $pods{$name} }
    elsif ($verb eq 'seal')   { put($_) for sort keys %pods; print qq({"sealed":"$name"}\n) }
    else                      { die "no such command: $verb\n" }
}

$| = 1;
$0 = 'knative-chaos-listeners';
# A look that is late is a hole in the evidence. It takes a tenth of a millisecond, so it may come before all ordinary work, as the
# load generator does. The kernel may refuse that to a container.
my $lowest = pack 'l', 1;
syscall($sched_setscheduler, 0, $SCHED_RR, $lowest) == 0 or eval { setpriority 0, 0, -20 };
my $next  = now_ns();
my $until = $next + $life_ns;
print qq({"every_ms":$every_ms}\n);
while (1) {
    my $now = now_ns();
    if ($now >= $next) {
        look($_) for keys %pods;
        $now = now_ns();
        $next += $every_ns * (1 + int(($now - $next) / $every_ns));
    }
    my $ready = '';
    vec($ready, fileno(STDIN), 1) = 1;
    if (select $ready, undef, undef, ($next - $now) / 1e9) {
        sysread(STDIN, $input, 65536, length $input) or last;
        $until = $now + $life_ns;
        obey($1) while $input =~ s/^([^\n]*)\n//;
    }
    last if $now > $until;
}
