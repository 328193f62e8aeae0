# Sourced by main.sh: OpenSSL 3.5 (ML-KEM) as static libraries in .axs/openssl/{include,lib};
# Debian 12 has 3.0.
#
# First route: the static archive of Debian 13's libssl-dev; second: a build of Debian 13's source
# package. Both come through a private apt state, signed by Debian's keys, so that nothing of Debian
# 13 can reach the system. AXS_OPENSSL_ROUTE=source takes the second at once; AXS_DEBIAN_MIRROR
# names a mirror other than the machine's own.

openssl_series='3.5.*'
openssl_next_suite=trixie

run_openssl_step() {
  openssl_key=$(cat "$here"/openssl{.sh,_check.c} "$root/cmake/openssl_shim.c" | hash_of)
  run_step "$state/openssl/openssl.stamp" "$openssl_key" "OpenSSL 3.5" bring_openssl
}

bring_openssl() {
  need_space 600
  openssl_new=$state/tmp/openssl
  openssl_work=$state/tmp/openssl-work
  local archive_status=1
  if [[ ${AXS_OPENSSL_ROUTE-} != source ]]; then
    set +e  # Within a condition `set -e` would not hold.
    (set -e; clear_openssl; take_openssl_archive; check_openssl)
    archive_status=$?
    set -e
  fi
  if ((archive_status != 0)); then
    echo "building OpenSSL from source"
    need_packages make perl dpkg-dev
    clear_openssl
    build_openssl
    check_openssl
  fi
  rm -rf "$state/openssl"
  mv "$openssl_new" "$state/openssl"
}

clear_openssl() {
  rm -rf "$openssl_new" "$openssl_work"
  mkdir -p "$openssl_new"/{include,lib} "$openssl_work"
}

take_openssl_archive() {
  next_debian deb update
  cd "$openssl_work"
  next_debian deb download "libssl-dev=$openssl_series"
  dpkg-deb -x libssl-dev_*.deb tree
  cp -R tree/usr/include/openssl "$openssl_new/include/"
  cp tree/usr/include/*-linux-gnu/openssl/* "$openssl_new/include/openssl/"
  cp tree/usr/lib/*-linux-gnu/lib{crypto,ssl}.a "$openssl_new/lib/"
}

build_openssl() {
  next_debian deb-src update
  cd "$openssl_work"
  next_debian deb-src source openssl
  cd openssl-3.5.*/
  ./Configure --prefix="$state/openssl" --libdir=lib no-shared no-module no-tests no-docs \
    no-engine no-legacy no-dtls no-quic
  make -j "$(nproc)" build_libs
  cp -R include/openssl "$openssl_new/include/"
  cp libcrypto.a libssl.a "$openssl_new/lib/"
}

# next_debian deb|deb-src APT-GET-ARGS...: apt-get that knows Debian 13 and nothing else.
next_debian() {
  local type=$1 apt=$openssl_work/apt mirror
  shift
  mirror=${AXS_DEBIAN_MIRROR:-$(debian_mirror)}
  [[ -n $mirror ]] || { echo "the apt sources name no mirror; set AXS_DEBIAN_MIRROR"; return 1; }
  mkdir -p "$apt"/{state/lists/partial,cache/archives/partial}
  : >"$apt/status"
  printf '%s\n' "Types: $type" "URIs: $mirror" "Suites: $openssl_next_suite" 'Components: main' \
    'Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg' >"$apt/next.sources"
  apt-get -o Dir::Etc::sourcelist="$apt/next.sources" -o Dir::Etc::sourceparts=/dev/null \
    -o Dir::Etc::preferences=/dev/null -o Dir::Etc::preferencesparts=/dev/null \
    -o Dir::State="$apt/state" -o Dir::State::lists="$apt/state/lists" \
    -o Dir::State::status="$apt/status" -o Dir::Cache="$apt/cache" \
    -o APT::Sandbox::User="$(id -un)" -o Acquire::Languages=none "$@"
}

# Where the machine itself gets Debian from.
debian_mirror() {
  apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk '$1 ~ /^http/ && $2 !~ /-|\// && $3 == "main" { print $1; exit }'
}

# Static, against this machine's C library, and with what the project wants of it.
check_openssl() {
  gcc -o "$openssl_work/check" -I "$openssl_new/include" "$here/openssl_check.c" \
    "$root/cmake/openssl_shim.c" "$openssl_new"/lib/lib{ssl,crypto}.a -lz -lzstd -lpthread -ldl
  OPENSSL_CONF=/dev/null "$openssl_work/check"
}
