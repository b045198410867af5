# Part of node.sh: the memory limit of a container, by the control groups of version 2 or 1.
cgroups=${KNATIVE_CHAOS_CGROUPS:-/sys/fs/cgroup}
changed=${KNATIVE_CHAOS_RUN:-/run}/knative-chaos-changed # a file a container: lines "path value", written before the value is changed
looks=${KNATIVE_CHAOS_LOOKS:-250} # 20 ms apart, for the end of a container that the kernel kills

# The processes of a container that have not ended.
living() {
  local pid
  for pid in $(pids "$1"); do case $(state "$pid") in Z | X | "") ;; *) echo "$pid" ;; esac; done
}

# The directory of the memory control group of a process.
memory_group() {
  local controllers path
  while IFS=: read -r _ controllers path; do
    case ,$controllers, in
      *,memory,*) echo "$cgroups/memory$path" && return ;;
      ,,) [ -e "$cgroups$path/memory.max" ] && echo "$cgroups$path" && return ;;
    esac
  done <"$proc/$1/cgroup"
}

# How many processes the kernel ended there for want of memory. Of version 2 the pod's count, which outlives the container's group.
oom_kills() {
  local file=$1/memory.oom_control name count
  [ -e "$file" ] || file=${1%/*}/memory.events
  while read -r name count; do [ "$name" = oom_kill ] && echo "$count"; done <"$file"
}

# $1: the container, $2: a file of the kernel, $3: its new value. A kernel without that file does not have what it limits.
change() {
  local value
  [ -e "$2" ] || return 0
  read -r value <"$2" && echo "$2 $value" >>"$changed/$1" && echo "$3" >"$2"
}

# Puts back what was changed for these containers, the last change first. Prints those that are still there. A note stays until each of
# its values is back or the kernel has removed its file; fails, in words, if one stays.
restore() {
  local id line path back stays status=0
  for id; do
    back= stays= lines=()
    [ -e "$changed/$id" ] && mapfile -t lines <"$changed/$id"
    for ((line = ${#lines[@]} - 1; line >= 0; line--)); do
      path=${lines[line]% *}
      # The number of a process that has ended may be another one's.
      case $path in "$proc"/*) grep -q -e "$id" "${path%/*}/cgroup" || continue ;; esac
      [ -e "$path" ] || continue
      if echo "${lines[line]##* }" >"$path"; then back=yes; elif [ -e "$path" ]; then stays=$path; fi
    done 2>/dev/null
    rm -f "$changed-$id"
    if [ -z "$stays" ]; then
      rm -f "$changed/$id"
    else
      echo "the memory limit of container $id is not put back: $stays cannot be written; " >&2
      status=1
    fi
    [ -z "$back" ] || [ -n "$stays" ] || printf '%s; ' "memory limit of container $id"
  done
  return "$status"
}

# The containers with something changed, all or those of a pod. $1: a pattern that its paths match.
starved() {
  local file
  for file in $(grep -l -s -e "$1" "$changed"/*); do echo "${file##*/}"; done
}

# Version 1 refuses a limit below what is used, and ends a process when one of the group asks for more. So a process of ours enters the
# group and asks, until it is alone there. It asks for pages of a file in memory: as its own they would make it the kernel's choice. The
# container's processes are that by their score, for which 16 MiB of the limit suffice, and are stopped, that none starts another. Where
# they leave the group slowly, ours is the last choice: the kernel does not choose a process twice.
# Prints the count of `oom_kills` without ours: the group cannot go while a process is in it, and goes some milliseconds later.
press() {
  local id=$1 group=$2 usage most limit try pid
  shift 2
  read -r most <"$group/memory.limit_in_bytes"
  for pid; do change "$id" "$proc/$pid/oom_score_adj" 1000; done
  for try in {1..50}; do
    read -r usage <"$group/memory.usage_in_bytes"
    limit=$((usage + 16777216 < most ? usage + 16777216 : most))
    change "$id" "$group/memory.limit_in_bytes" "$limit" && break
    [ "$try" = 50 ] && return 1
  done 2>/dev/null
  change "$id" "$group/memory.memsw.limit_in_bytes" "$limit" 2>/dev/null # no swap, where it is counted and none was used
  (
    echo "$BASHPID" >"$group/cgroup.procs" || exit
    for ((piece = 0; piece <= limit / 1048576 + 16; piece++)); do
      mapfile -t left <"$group/cgroup.procs"
      [ "${#left[@]}" -gt 1 ] || break
      printf '%1048576s' '' >>"$changed-$id"
    done
    oom_kills "$group"
  ) 2>/dev/null
  [ "$?" -lt 128 ] || echo $(($(oom_kills "$group") - 1))
}

# The kernel's OOM killer ends a container: its limit is put below what it uses until no process is left, and then back.
starve() {
  local found group before after version look status=0
  found=$(living "$1")
  [ -n "$found" ] || { echo "the container has no process"; return 1; }
  group=$(memory_group "${found%%[!0-9]*}")
  [ -d "$group" ] || { echo "the container has no memory control group below $cgroups"; return 1; }
  before=$(oom_kills "$group")
  mkdir -p "$changed"
  if [ -e "$group/memory.max" ]; then
    version=2
    change "$1" "$group/memory.swap.max" 0
    change "$1" "$group/memory.oom.group" 1
    change "$1" "$group/memory.max" 0 # the kernel kills before this returns
  else
    version=1
    send "$1" STOP >/dev/null && after=$(press "$1" "$group" $found 2>/dev/null)
  fi
  for ((look = 0; look < looks; look++)); do
    [ -n "$(living "$1")" ] || break
    sleep 0.02
  done
  restore "$1" >/dev/null || status=1
  if [ "$look" = "$looks" ]; then
    kill -CONT $(living "$1") 2>/dev/null
    echo "the kernel did not end the container"
    status=1
  fi
  [ "$status" = 0 ] || return 1
  [ "$version" = 1 ] || after=$(oom_kills "$group")
  [ "${after:--1}" -ge 0 ] || { echo "how many processes the kernel ended was not read from $group"; return 1; }
  echo "{\"cgroup\": $version, \"oom_kills\": $((after - before)), \"processes\": $(wc -w <<<"$found")}"
}
