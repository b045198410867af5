// Commands of a module that needs its own go.sum (copied beside this file) and its own replace lines.
// godebug: Go's run-time defaults as that module's own go line chose them, however new the toolchain.
module knative-chaos.dev/build

go 1.25.0

godebug default=go@GO@

require @MODULE@ @VERSION@

@REPLACE@
