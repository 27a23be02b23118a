#!/bin/sh
# Prints the python of a virtual environment that has MLflow's own client, with what it logs by itself and into SQLite; with
# --server that of one that has its tracking server too (850 MB). With --install makes it where it is not.
set -eu
packages='mlflow-skinny==3.17.2 scikit-learn pandas skops sqlalchemy alembic' name=mlflow
if [ "${1-}" = --server ]; then packages='mlflow==3.17.2' name=mlflow-server; shift; fi
. "$(dirname "$0")/python-tools.sh"
