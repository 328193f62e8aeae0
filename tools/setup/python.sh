# Sourced by main.sh: private Python environments. The user's own Python is never touched: Debian's
# interpreter makes them, and everything in them is pinned.
#
# An environment cannot be moved, so each is made under a name that no other has; the link that
# everything uses, .axs/venv, is turned to it only when it is whole. Until then the one before
# serves, even if it is of the same key.

python_key() {
  { readlink -f "$state" /usr/bin/python3; cat "$here/python.sh" "${@/#/$root/}"; } | hash_of
}

run_python_step() {
  venv_key=$(python_key requirements.txt)
  run_step "$state/venv/python.stamp" "$venv_key" "Python environment" make_venv
}

# Sees the first environment's packages, pip among them, through a .pth file: torch is there once.
run_python_test_step() {
  venv_test_key=$(python_key requirements.txt requirements-test.txt)
  run_step "$state/venv-test/python-test.stamp" "$venv_test_key" "Python environment for tests" \
    make_venv_test
}

run_python_ray_step() {
  run_step "$state/venv-ray/python-ray.stamp" "$(python_key requirements-ray.txt)" \
    "Python environment for Ray" make_venv_ray
}

run_python_peers_step() {
  run_step "$state/venv-peers/python-peers.stamp" "$(python_key requirements-peers.txt)" \
    "Python environment for peers" make_venv_peers
}

make_venv() {
  need_space 3000
  begin_venv venv
  "$new_venv/bin/python" -m pip install --no-compile -r "$root/requirements.txt"
  finish_venv venv
}

make_venv_test() {
  need_space 1000
  begin_venv venv-test --without-pip
  local site
  site=$(cd "$state"/venv/lib/python3*/site-packages && pwd -P)
  echo "$site" >"$(echo "$new_venv"/lib/python3*/site-packages)/axs-first-environment.pth"
  "$new_venv/bin/python" -m pip install --no-compile -c "$root/requirements.txt" \
    -r "$root/requirements-test.txt"
  finish_venv venv-test
}

make_venv_ray() { make_plain_venv venv-ray requirements-ray.txt; }
make_venv_peers() { make_plain_venv venv-peers requirements-peers.txt; }

make_plain_venv() {  # NAME REQUIREMENTS
  need_space 1000
  begin_venv "$1"
  "$new_venv/bin/python" -m pip install --no-compile -r "$root/$2"
  finish_venv "$1"
}

begin_venv() {  # NAME [OPTION]
  new_venv=$(mktemp -d "$state/$1.XXXXXXXX")
  /usr/bin/python3 -m venv "${@:2}" "$new_venv"
}

finish_venv() {
  "$new_venv/bin/python" -m pip check
  chmod 755 "$new_venv"
  [[ -L $state/$1 || ! -e $state/$1 ]] || mv -T "$state/$1" "$(mktemp -d "$state/$1.XXXXXXXX")"
  ln -sfn "$(basename "$new_venv")" "$state/$1.new"
  mv -T "$state/$1.new" "$state/$1"
  # Those before, under this naming and the last, and what an interruption has left.
  local other
  for other in "$state/$1".???????? "$state/$1"-????????????????; do
    [[ $other == "$new_venv" ]] || rm -rf "$other"
  done
}
