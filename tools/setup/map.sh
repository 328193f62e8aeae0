# Sourced by main.sh: the outlines of land for the report's map, .axs/map/land.txt. The package that
# carries them is named, with its hash, in requirements-map.txt.

run_map_step() {
  map_key=$(cat "$here/map.sh" "$root/requirements-map.txt" "$root/tools/make_land.py" | hash_of)
  run_step "$state/map/map.stamp" "$map_key" "Map data" bring_map
}

bring_map() {
  local work=$state/tmp/map
  rm -rf "$work"
  mkdir -p "$work" "$state/map"
  "$state/venv/bin/python" -m pip download --no-deps --require-hashes --dest "$work" \
    -r "$root/requirements-map.txt"
  /usr/bin/python3 "$root/tools/make_land.py" "$work"/*.whl "$work/land.txt"
  mv "$work/land.txt" "$state/map/land.txt"
}
