#!/bin/bash
# check_format.sh [--fix]: are the C and C++ files laid out as .clang-format says? --fix does it.
set -u
cd "$(dirname "$(readlink -f -- "${BASH_SOURCE[0]}")")/.." || exit 1
mode=(--dry-run -Werror)
[[ ${1-} == --fix ]] && mode=(-i)
find src tests tools -name '*.h' -o -name '*.cpp' -o -name '*.c' | sort |
  xargs clang-format-19 "${mode[@]}"
