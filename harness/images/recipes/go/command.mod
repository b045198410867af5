// One command of a module, with the dependencies that module asks for.
module knative-chaos.dev/build

go 1.25.0

require @MODULE@ @VERSION@
