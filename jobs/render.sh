#!/bin/sh
# Render the job scripts of this folder again, after a change of templates, campaign files or estimates.
set -eu
cd "$(dirname "$0")/.."
render() { to=$1 && shift && .venv/bin/hpcbbp slurm "$@" --program .venv/bin/hpcbbp >"jobs/$to.sbatch"; }
render campaign jobs/campaign.toml --nodes 2 --ntasks-per-node 32
render array jobs/array.toml --as array --tasks 20 --ntasks-per-node 16
render collect jobs/array.toml --as collect
render solve jobs/solve.toml --as solve --nodes 2 --ntasks-per-node 32
render deferred jobs/deferred.toml --nodes 4 --ntasks-per-node 32 --time 12:00:00
render apptainer jobs/campaign.toml --nodes 2 --ntasks-per-node 32 --container hpcbbp.sif
