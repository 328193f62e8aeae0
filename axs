#!/bin/bash
# The wrapper: brings what is missing, builds what has changed, then runs the program with the same
# arguments.
#
#   ./axs COMMAND ...          run a command of the program, for example ./axs doctor
#   ./axs setup                only set up and build
#   ./axs test [CTEST ARGS]    set up what tests need as well, build everything, run the tests
#   ./axs bench NAME ...       run one of the benchmarks in tools/bench
#   ./axs ray ...              carry out a plan of X-Ray on Ray clusters
#
# Everything it brings lives in .axs beside this file; docs/design/001-wrapper.md says why and how.
set -u
script=$(readlink -f -- "${BASH_SOURCE[0]}")
root=${script%/*}
program=$root/build/release/bin/axs

# True when the last build is newer than all that went into it. One process, so that it costs
# milliseconds. Debian's package list stands for the installed packages.
is_fresh() {
  local stamp=$root/build/release/program.stamp
  [[ -x $program && -f $stamp && $(<"$stamp") == "$root" ]] || return 1
  local inputs=(axs tools/setup packages.txt requirements.txt requirements-map.txt)
  inputs+=(CMakeLists.txt CMakePresets.json cmake src catalog)
  [[ -z $(find "${inputs[@]/#/$root/}" /var/lib/dpkg/status -newer "$stamp" -print -quit 2>&1) ]]
}

set_up() { "$root/tools/setup/main.sh" "$@" || exit; }

run_bench() {
  local bench=${1-} names
  names=$(find "$root/tools/bench" -maxdepth 1 -type f -executable -printf ' %f' 2>/dev/null)
  if [[ -z $bench || $bench == */* || ! -x $root/tools/bench/$bench ]]; then
    echo "axs: bench \"$bench\": no such benchmark, want one of:${names:- (there is none yet)}" >&2
    exit 2
  fi
  is_fresh || set_up program
  exec "$root/tools/bench/$bench" "${@:2}"
}

run_ray() {
  if [[ ${1-} != run ]]; then
    PYTHONPATH=$root/python exec /usr/bin/python3 -m axs.ray "$@"
  fi
  set_up ray
  PYTHONPATH=$root/python exec "$root/.axs/venv-ray/bin/python" -m axs.ray "$@"
}

case ${1-} in
  setup)
    (($# == 1)) || { echo "axs: setup takes no arguments, but \"$2\" was given" >&2; exit 2; }
    set_up program announce ;;
  test) exec "$root/tools/setup/main.sh" test "${@:2}" ;;
  bench) run_bench "${@:2}" ;;
  ray) run_ray "${@:2}" ;;
  *)
    is_fresh || set_up program
    exec "$program" "$@" ;;
esac
