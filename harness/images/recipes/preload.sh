#!/bin/bash
# Inside a privileged container of the node without images: puts an archive into containerd's store.
# preload.sh ARCHIVE NAME=WANTED_NAME ...   Each image is then known by its wanted name only.
set -euo pipefail
archive=$1
shift
log=$(mktemp)
containerd >"$log" 2>&1 &
daemon=$!
trap 'cat "$log" >&2' ERR
for _ in $(seq 300); do
  if ctr version >/dev/null 2>&1; then break; fi
  kill -0 "$daemon"
  sleep 0.1
done
# Not unpacked: a layered file system on top of the build's own is refused by kernels; the node unpacks on its own disk.
ctr --namespace k8s.io images import --no-unpack "$archive"
for pair in "$@"; do
  ctr --namespace k8s.io images tag "${pair%%=*}" "${pair#*=}"
  ctr --namespace k8s.io images remove "${pair%%=*}"
done
ctr --namespace k8s.io images list --quiet
kill "$daemon"
wait "$daemon" || true
rm -f "$log"
