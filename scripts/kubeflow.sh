#!/bin/sh
# Prints the python of a virtual environment that has Kubeflow's own SDK, what it says of Kubernetes, and the client by
# which it runs pipelines on this machine (130 MB). With --install makes it where it is not.
set -eu
packages='kfp==2.17.0 kfp-kubernetes==2.17.0 docker==7.2.0' name=kubeflow
. "$(dirname "$0")/python-tools.sh"
