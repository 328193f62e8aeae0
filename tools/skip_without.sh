#!/bin/bash
# skip_without.sh FILE... -- COMMAND...: runs COMMAND, or exits 77 (skipped) where a FILE is absent.
set -u
while [[ $1 != -- ]]; do
  [[ -e $1 ]] || { echo "skipped: $1 is absent"; exit 77; }
  shift
done
shift
exec "$@"
