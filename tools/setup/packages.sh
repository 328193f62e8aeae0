# Sourced by main.sh: Debian packages.

# The names in a list file; a # starts a comment.
names_in() { sed 's/#.*//' "$root/$1" | xargs -n 1; }

# missing_packages NAME...: those that are not installed.
missing_packages() {
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    sed -n 's/^installed //p')
  comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

# Stamped with dpkg's own state, so that a package removed later is noticed. Nothing missing: no
# step.
run_packages_step() {
  local list=$1 key stamp title="Debian packages"
  [[ $list == packages-test.txt ]] && title="Debian packages for tests"
  [[ $list == packages-peers.txt ]] && title="Debian packages for peers"
  stamp=$state/${list%.txt}.stamp
  key=$({ cat "$root/$list"; stat -c '%Y %s' /var/lib/dpkg/status; } | hash_of)
  has_stamp "$stamp" "$key" && return
  mapfile -t wanted_packages < <(missing_packages $(names_in "$list"))
  if ((${#wanted_packages[@]} > 0)); then
    become_root_or_explain
    run_step "$stamp" "$key.pending" "$title (${#wanted_packages[@]})" \
      install_wanted_packages
    key=$({ cat "$root/$list"; stat -c '%Y %s' /var/lib/dpkg/status; } | hash_of)
  fi
  put_stamp "$stamp" "$key"
}

# The password, where sudo wants one, is asked for before the progress line begins.
become_root_or_explain() {
  ((EUID == 0)) && return
  if command -v sudo >/dev/null; then
    sudo -n true 2>/dev/null && return
    [[ -t 2 ]] && say "sudo is needed to install: ${wanted_packages[*]}" && sudo -v && return
  fi
  say "Debian packages are missing, and this user is not root and cannot use sudo."
  say "what to do: an administrator must run"
  echo "  apt-get update && apt-get install --no-install-recommends ${wanted_packages[*]}" >&2
  exit 1
}

as_root() { if ((EUID == 0)); then "$@"; else sudo -n -- "$@"; fi; }

# The lock's file descriptor is closed: a service that a package starts would keep it for ever.
install_wanted_packages() {
  exec 9>&-
  local apt=(apt-get --yes -o DPkg::Lock::Timeout=300)
  # An earlier installation may have been interrupted.
  as_root env DEBIAN_FRONTEND=noninteractive dpkg --configure -a
  as_root "${apt[@]}" update || echo "the package lists could not be updated; trying the old ones"
  as_root env DEBIAN_FRONTEND=noninteractive \
    "${apt[@]}" install --no-install-recommends "${wanted_packages[@]}"
}

# For a step that needs more than the list names.
need_packages() {
  mapfile -t wanted_packages < <(missing_packages "$@")
  ((${#wanted_packages[@]} == 0)) && return
  become_root_or_explain
  install_wanted_packages
}
