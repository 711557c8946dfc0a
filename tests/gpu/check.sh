#!/usr/bin/env bash
# What a GPU gives and costs, in at most 8 minutes: the CUDA tests, then five networks (tools/gpu_check.py), and what
# CUDA graphs of a compiled training step give a small one (tools/compiled.py).
#     tests/gpu/check.sh [folder for gpu.json, gpu.md and compiled.txt, default results/gpu] [--dry-run]
# It installs nothing: PYTHON names the environment's Python, by default that of .venv, else the one in PATH.
set -euo pipefail
cd "$(dirname "$0")/../.."
out=${1:-results/gpu}
shift || true
python=${PYTHON:-$([ -x .venv/bin/python ] && echo .venv/bin/python || command -v python3)}
mkdir -p "$out"

export OMP_NUM_THREADS=1

failed=0
timeout 190 "$python" -m pytest -q -p no:cacheprovider -W ignore tests/gpu/test_cuda.py 2>&1 | tee "$out/tests.txt" || failed=$?
timeout 230 "$python" -m tools.gpu_check "$out" --minutes 3.5 "$@"
device=cuda
[ "${1:-}" != --dry-run ] || device=cpu
timeout 55 "$python" -m tools.compiled lenet5_relu "$device" 5 2>&1 | tee "$out/compiled.txt" \
    || echo "the compiled step took more than a minute, or failed: $out/compiled.txt"
[ "$failed" = 0 ] || echo "CUDA tests failed: $out/tests.txt"
exit "$failed"
