#!/bin/bash
# main.sh program [announce]   set up and build the programs; announce: say so even if nothing was
#                              to do
# main.sh test [CTEST ARGS]    set up what tests need as well, build everything, run ctest
# main.sh ray                  set up what carries out plans on Ray clusters
# main.sh peers                set up what benchmarks measure against
#
# Called by ../../axs, the last one by the benchmarks. Each step runs when its stamp does not hold
# the key of its inputs.
set -u
here=$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")
root=${here%/tools/setup}
state=$root/.axs
build=$root/build/release
source "$here/step.sh"
source "$here/packages.sh"
source "$here/python.sh"
source "$here/openssl.sh"
source "$here/map.sh"
source "$here/build.sh"

# A set-up that depends on the caller's environment works on one machine only: keep proxies,
# certificates and caches, drop the rest (PYTHONPATH, CXXFLAGS, conda's PATH, pip's --user ...).
clean_environment() {
  local keep='^(HOME|USER|LOGNAME|TERM|COLUMNS|CI|UPDATE_GOLDEN|AXS_.*|XDG_CACHE_HOME|CCACHE_.*'
  keep+='|CMAKE_BUILD_PARALLEL_LEVEL|[A-Za-z]+_(proxy|PROXY)|SSL_CERT_.*|REQUESTS_CA_BUNDLE'
  keep+='|PIP_(INDEX_URL|EXTRA_INDEX_URL|FIND_LINKS|NO_INDEX|TRUSTED_HOST|CERT|CLIENT_CERT|PROXY'
  keep+='|CONFIG_FILE|CACHE_DIR|DEFAULT_TIMEOUT|RETRIES))$'
  local name
  for name in $(compgen -e); do
    [[ $name =~ $keep ]] || unset "$name" 2>/dev/null
  done
  export PATH=/usr/local/sbin:/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C.UTF-8
  export PIP_USER=0 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_INPUT=1
  export TMPDIR=$state/tmp  # /tmp may be small; the folder is emptied before and after.
}

# What lies behind a link may serve another tree as well, a clone that was linked to save the time,
# say; this one would replace it with its own. A link to a folder that no tree has yet is fine.
check_owner() {
  [[ -L $state ]] || return 0
  local folder owner=$root
  folder=$(readlink -m "$state")
  [[ ${folder##*/} == .axs && -e ${folder%/*}/axs ]] && owner=${folder%/*}
  [[ -f $folder/owner ]] && owner=$(<"$folder/owner")
  [[ $owner == "$root" ]] ||
    die "$state is a link to $folder, which belongs to $owner and is left as it is; remove the" \
      "link, then run the same command again"
}

take_lock() {
  exec 9>"$state/lock"
  flock --nonblock 9 && return
  say "another ./axs is setting up in this folder; waiting for it"
  flock 9
}

set_up() {
  if [[ $mode == peers ]]; then
    run_packages_step packages-peers.txt
    run_python_peers_step
    return
  fi
  run_packages_step packages.txt
  [[ $mode == ray || $mode == test ]] && run_python_ray_step
  [[ $mode == ray ]] && return
  [[ $mode == test ]] && run_packages_step packages-test.txt
  run_python_step
  [[ $mode == test ]] && run_python_test_step
  run_openssl_step
  run_map_step
  run_build_steps
}

main() {
  mode=$1
  shift
  check_owner
  mkdir -p "$state/log" 2>/dev/null && [[ -w $state ]] ||
    die "cannot write to $state; it must belong to $(id -un)"
  clean_environment
  take_lock
  put_stamp "$state/owner" "$root" || die "cannot write $state/owner; is the disk full?"
  trap on_interrupt INT TERM HUP
  trap on_exit EXIT
  rm -rf "$TMPDIR"
  mkdir -p "$TMPDIR"
  set_up
  if ((steps_shown > 0)); then
    say "ready after $(seconds_since "$begun_ms") s"
  elif [[ $mode == program && ${1-} == announce ]]; then
    say "everything is in place"
  fi
  [[ $mode == test ]] && run_tests "$@"
  exit 0
}

main "$@"
