# Runs on the node: one command a line on standard input, one line "ok ..." or "failed ..." for each on standard output.
# When the input ends, also because the harness was killed, everything that was done is undone.
set -u
prefix=knative_chaos_fault_
proc=${KNATIVE_CHAOS_PROC:-/proc}

# The processes of a container: its id is part of the path of their cgroup.
pids() { grep -l -e "$1" "$proc"/[0-9]*/cgroup 2>/dev/null | while IFS=/ read -r -a part; do echo "${part[-2]}"; done; }

# "S", "T" (stopped), "Z" (ended), ...; the name before it may contain anything.
state() {
  local line
  { read -r line <"$proc/$1/stat"; } 2>/dev/null || return 1
  line=${line##*) }
  echo "${line%% *}"
}

# Connections that the kernel accepted and no process has taken yet, of all listening sockets of the pod.
accept_queue() {
  local sum=0 _ address status queues
  while read -r _ address _ status queues _; do
    [ "$status" = 0A ] && sum=$((sum + 16#${queues#*:}))
  done < <(cat "$proc/$1/net/tcp" "$proc/$1/net/tcp6" 2>/dev/null)
  echo "$sum"
}

processes() {
  local pid all=0 stopped=0 waiting=0
  for pid in $(pids "$1"); do
    case $(state "$pid") in
      T | t) stopped=$((stopped + 1)) all=$((all + 1)) ;;
      Z | X | "") ;;
      *) all=$((all + 1)) ;;
    esac
  done
  [ -n "${pid:-}" ] && waiting=$(accept_queue "$pid") # all containers of a pod have one network
  echo "{\"processes\": $all, \"stopped\": $stopped, \"accept_queue\": $waiting}"
}

# STOP again until no process was added meanwhile and all are stopped: a process that was forked before its parent stopped runs on.
send() {
  local found last= try
  for try in {1..100}; do
    found=$(pids "$1")
    [ -n "$found" ] || { echo "the container has no process"; return 1; }
    kill -"$2" $found 2>/dev/null
    [ "$2" = STOP ] || break
    [ "$found" = "$last" ] && ! running $found && break
    last=$found
    [ "$try" = 100 ] && { echo "not all processes stopped"; return 1; }
  done
  echo "{\"signal\": \"$2\", \"processes\": $(wc -w <<<"$found")}"
}

running() {
  local pid
  for pid; do case $(state "$pid") in T | t | Z | X | "") ;; *) return 0 ;; esac; done
  return 1
}

# One table a rule, so that taking it away is one command. $2: ip or ip6. The comment says whose rule it is.
rule() {
  local verdict=drop
  [ "$5" = refuse ] && verdict="reject with tcp reset"
  nft -f - <<END
table inet $prefix$1
delete table inet $prefix$1
table inet $prefix$1 {
  chain out {
    type filter hook output priority -1; policy accept;
    $2 daddr $3 tcp dport $4 counter $verdict comment "knative-chaos $6"
  }
}
END
}

packets() {
  local listed
  listed=$(nft list table inet "$prefix$1" 2>/dev/null) || { echo '{"rule": false}'; return 0; }
  listed=${listed#*counter packets }
  echo "{\"rule\": true, \"packets\": ${listed%% *}}"
}

# What was done to a pod. $1: the name of its rule, $2: a pattern that its cgroups match. Processes that are stopped go on.
undo() {
  local found
  packets "$1"
  restore $(starved "$2") >/dev/null
  found=$(pids "$2")
  [ -z "$found" ] || kill -CONT $found 2>/dev/null
  unrule "$prefix$1" || { echo "the rule is still there"; return 1; }
}

# Fails if the table is there afterwards.
unrule() { nft delete table inet "$1" 2>/dev/null || ! nft list table inet "$1" >/dev/null 2>&1; }

# What any run left behind: rules by their table's name, limits by the notes of them, stopped processes of containers, and programs of
# ours that were stopped, this one and the sampler of listening sockets: one that runs ends by itself when its harness does, and a
# harness that runs starts another one. Fails if a rule cannot be deleted.
sweep() {
  local table path pid left=
  for table in $(nft list tables 2>/dev/null); do
    case $table in "$prefix"*) if unrule "$table"; then printf '%s; ' "rule ${table#"$prefix"}"; else left+=" $table"; fi ;; esac
  done
  restore $(starved .)
  for pid in $(pids kubepods); do
    case $(state "$pid") in T | t) kill -CONT "$pid" 2>/dev/null && printf '%s; ' "stopped process $pid" ;; esac
  done
  for path in $(grep -l -a -e '^knative-chaos-listeners' -e "^prefix=$prefix" "$proc"/[0-9]*/cmdline 2>/dev/null); do
    pid=${path%/cmdline} pid=${pid##*/}
    case $(state "$pid") in T | t) kill -KILL "$pid" 2>/dev/null && printf '%s; ' "stopped program $pid" ;; esac
  done
  [ -z "$left" ] || { echo "these tables of nftables cannot be deleted:$left"; return 1; }
}

trap 'sweep >/dev/null 2>&1' EXIT
trap 'exit 1' HUP TERM INT PIPE
echo "ok ready"
while read -r -t 900 verb words; do
  case $verb in processes | send | starve | rule | packets | undo | sweep) ;; *) echo "failed no such command"; continue ;; esac
  if out=$($verb $words 2>&1); then echo "ok ${out//$'\n'/ }"; else echo "failed ${out//$'\n'/ }"; fi
done
