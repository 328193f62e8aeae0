# Sourced by main.sh: configure, build, test.

# Ninja knows what has changed; configure again only for what it cannot see.
run_build_steps() {
  local key
  mkdir -p "$build" || die "cannot write to $build"
  key=$({ echo "$root $venv_key $openssl_key $map_key"; cat "$root/CMakePresets.json"; } | hash_of)
  run_step "$build/configure.stamp" "$key" "Configure" configure
  rm -f "$build/program.stamp"
  echo "$root" >"$build/program.stamp.new"  # Now: what is saved during the build is newer than it.
  if [[ $mode == test ]]; then
    run_step "$build/build.stamp" "never kept" "Build programs and tests" build_all
  else
    run_step "$build/build.stamp" "never kept" "Build" build_programs
  fi
  rm -f "$build/build.stamp"
  mv "$build/program.stamp.new" "$build/program.stamp"
}

configure() { cd "$root" && cmake --preset release --fresh; }
build_programs() { need_space 500; cmake --build "$build" --target programs -j "$(build_jobs)"; }
build_all() { need_space 1500; cmake --build "$build" -j "$(build_jobs)"; }

# A translation unit that includes torch takes 1.5 GB.
build_jobs() {
  local cores=${CMAKE_BUILD_PARALLEL_LEVEL:-$(nproc)} fit
  fit=$(awk '/^MemAvailable/ { print int($2 / 1600000) }' /proc/meminfo)
  ((fit < cores)) && cores=$fit
  ((cores > 0)) || cores=1
  echo "$cores"
}

run_tests() {
  exec 9>&-
  rm -rf "$TMPDIR"
  unset TMPDIR
  export PATH=$state/venv-test/bin:$PATH
  cd "$root" || exit 1
  exec ctest --test-dir "$build" --output-on-failure -j "$(nproc)" "$@"
}
