# Runs on the node: one command a line on standard input, one line "ok ..." or "failed ..." for each on standard output.
# When the input ends, also because the harness was killed, everything that was done is undone.
set -u
export LC_ALL=C # nft's words are read
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

# The rule as nft holds it. Fails unless the table has exactly one, in the output hook, of the form that `rule` makes.
held() {
  local listed pattern verdict=drop
  listed=$(nft -n list table inet "$prefix$1" 2>&1) || { echo "the rule cannot be read back: $listed"; return 1; }
  pattern='^table [^{}]*\{[[:space:]]+chain [^{}]*\{[[:space:]]+type filter hook output priority -1; policy accept;[[:space:]]+'
  pattern+='ip6? daddr ([0-9a-fA-F.:]+) tcp dport ([0-9]+)'
  pattern+=' counter packets [0-9]+ bytes [0-9]+ (drop|reject with tcp reset) comment "[^"]*"[[:space:]]+\}[[:space:]]+\}$'
  [[ $listed =~ $pattern ]] || { echo "nft holds another rule: $listed"; return 1; }
  [ "${BASH_REMATCH[3]}" = drop ] || verdict=refuse
  echo "{\"ip\": \"${BASH_REMATCH[1]}\", \"port\": ${BASH_REMATCH[2]}, \"verdict\": \"$verdict\"}"
}

# Whether these words of a failed nft say that there is no such table. "Operation not permitted" and the like leave it open. Without
# nft on the node, or nf_tables in its kernel, nobody has made one.
absent() {
  case $1 in
    Error:*"No such file or directory"*) return 0 ;;
    *"Protocol not supported"* | *"cache initialization failed: Invalid argument"*) return 0 ;;
  esac
  ! type -P nft >/dev/null
}

packets() {
  local listed
  if listed=$(nft list table inet "$prefix$1" 2>&1); then
    listed=${listed#*counter packets }
    echo "{\"rule\": true, \"packets\": ${listed%% *}}"
  elif absent "$listed"; then
    echo '{"rule": false}'
  else
    echo "the rule cannot be looked at: $listed"
    return 1
  fi
}

# What was done to a pod. $1: the name of its rule, $2: a pattern that its cgroups match. Processes that are stopped go on. All of it is
# tried; fails if something stays.
undo() {
  local found status=0
  packets "$1" || status=1
  restore $(starved "$2") >/dev/null || status=1
  found=$(pids "$2")
  [ -z "$found" ] || kill -CONT $found 2>/dev/null
  unrule "$prefix$1" || status=1
  return "$status"
}

# Fails, in words, unless the table is known to be gone afterwards.
unrule() {
  local listed
  nft delete table inet "$1" >/dev/null 2>&1
  if listed=$(nft list table inet "$1" 2>&1); then
    echo "the rule is still there"
  elif absent "$listed"; then
    return 0
  else
    echo "it is not known whether the rule is still there: $listed"
  fi
  return 1
}

# What any run left behind: rules by their table's name, limits by the notes of them, stopped processes of containers, and programs of
# ours that were stopped, this one and the sampler of listening sockets: one that runs ends by itself when its harness does, and a
# harness that runs starts another one. All of it is tried; fails if the tables cannot be listed, or a rule or a limit stays.
sweep() {
  local tables table path pid left= status=0
  tables=$(nft list tables 2>&1) || absent "$tables" || { echo "the tables of nftables cannot be listed: $tables; " && status=1; }
  [ "$status" = 0 ] || tables=
  for table in $tables; do
    case $table in "$prefix"*) if unrule "$table" >/dev/null; then printf '%s; ' "rule ${table#"$prefix"}"; else left+=" $table"; fi ;; esac
  done
  restore $(starved .) || status=1
  for pid in $(pids kubepods); do
    case $(state "$pid") in T | t) kill -CONT "$pid" 2>/dev/null && printf '%s; ' "stopped process $pid" ;; esac
  done
  for path in $(grep -l -a -e '^knative-chaos-listeners' -e "^prefix=$prefix" "$proc"/[0-9]*/cmdline 2>/dev/null); do
    pid=${path%/cmdline} pid=${pid##*/}
    case $(state "$pid") in T | t) kill -KILL "$pid" 2>/dev/null && printf '%s; ' "stopped program $pid" ;; esac
  done
  [ -z "$left" ] || { echo "these tables of nftables cannot be deleted:$left"; return 1; }
  return "$status"
}

trap 'sweep >/dev/null 2>&1' EXIT
trap 'exit 1' HUP TERM INT PIPE
echo "ok ready"
while read -r -t 900 verb words; do
  case $verb in processes | send | starve | rule | held | packets | undo | sweep) ;; *) echo "failed no such command"; continue ;; esac
  if out=$($verb $words 2>&1); then echo "ok ${out//$'\n'/ }"; else echo "failed ${out//$'\n'/ }"; fi
done
