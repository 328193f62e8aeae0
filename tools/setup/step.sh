# Sourced by main.sh: one step of the set-up, its stamp, its log, its progress line, its failure.
# All messages go to standard error: the program's own output stays clean.

now_ms() { local now=${EPOCHREALTIME//[.,]/}; printf '%s' "${now%???}"; }
seconds_since() {
  local ms=$(($(now_ms) - $1))
  printf '%d.%d' $((ms / 1000)) $((ms % 1000 / 100))
}
say() { printf 'axs: %s\n' "$*" >&2; }
die() { say "$*"; exit 1; }
hash_of() { sha256sum | cut -c 1-16; }
has_stamp() { [[ -f $1 && $(<"$1") == "$2" ]]; }
put_stamp() { printf '%s\n' "$2" >"$1.new" && mv "$1.new" "$1"; }

begun_ms=$(now_ms)
steps_shown=0
current_step=""
painter=""

# run_step STAMP KEY TITLE FUNCTION: does nothing where STAMP holds KEY. FUNCTION runs under
# `set -e` in a subshell, its output in the log; the stamp is written only after it has succeeded.
run_step() {
  local stamp=$1 key=$2 title=$3 work=$4
  has_stamp "$stamp" "$key" && return
  rm -f "$stamp"
  local log=$state/log/$(basename "$stamp" .stamp).log start status
  start=$(now_ms)
  current_step=$title
  : >"$log" || die "cannot write $log; is the disk full?"
  paint "$title" "$log" "$start" 9>&- &
  painter=$!
  (set -e; trap 'exit 130' INT TERM; "$work") >"$log" 2>&1 </dev/null
  status=$?
  stop_painter
  ((status == 0)) || fail_step "$title" "$log" "$start"
  if (($(now_ms) - start >= 1000)); then
    printf 'axs: %-34s %6s s\n' "$title" "$(seconds_since "$start")" >&2
    steps_shown=$((steps_shown + 1))
  fi
  put_stamp "$stamp" "$key" || die "cannot write $stamp; is the disk full?"
  current_step=""
}

# A step shorter than a second is not worth a line. On a terminal the line lives; elsewhere it comes
# once.
paint() {
  trap 'exit 0' TERM
  sleep 1
  if [[ ! -t 2 ]]; then
    printf 'axs: %s ...\n' "$1" >&2
    return
  fi
  while :; do
    local last width=${COLUMNS:-$(tput cols 2>/dev/null || echo 80)}
    last=$(tail -c 400 "$2" | tr '\r' '\n' | grep -v '^\s*$' | tail -n 1 | tr -cd '[:print:]')
    local line
    printf -v line 'axs: %-34s %4d s  %s' "$1" "$((($(now_ms) - $3) / 1000))" "$last"
    printf '\r\033[K%s' "${line:0:width-1}" >&2
    sleep 0.5
  done
}

stop_painter() {
  [[ -n $painter ]] || return 0
  kill "$painter" 2>/dev/null
  wait "$painter" 2>/dev/null
  painter=""
  [[ -t 2 ]] && printf '\r\033[K' >&2
  return 0
}

fail_step() {
  say "step \"$1\" failed after $(seconds_since "$3") s. The end of $2:"
  grep -v '^\s*$' "$2" | tail -n 15 | cut -c 1-200 | sed 's/^/  | /' >&2
  say "what to do: $(advice "$2")"
  current_step=""
  exit 1
}

# One sentence for the usual causes, found by what the tools print.
advice() {
  local log=$1 again="run the same command again" unreachable
  unreachable='Temporary failure|Could not resolve|Network is unreachable|Name or service not known'
  unreachable+='|NewConnectionError|ReadTimeoutError|Connection (timed out|refused|failed)'
  if grep -qE 'No space left on device|Disk quota exceeded|not enough free space' "$log"; then
    echo "the disk is full ($(free_megabytes) MB left in $state); make room, then $again"
  elif grep -qE 'Could not get lock|Unable to acquire the dpkg' "$log"; then
    echo "another package manager is at work; wait for it to end, then $again"
  elif grep -qE "$unreachable" "$log"; then
    echo "a download server cannot be reached; check the network and the proxy, then $again"
  elif grep -qE 'Killed|out of memory|Cannot allocate memory' "$log"; then
    echo "memory ran out; close programs or set CMAKE_BUILD_PARALLEL_LEVEL=1, then $again"
  elif grep -q '^FAILED: ' "$log"; then
    echo "the source does not compile; if you changed it, see the first error in $log"
  else
    echo "see $log; to go on with this step, $again"
  fi
}

free_megabytes() { df --output=avail -BM "$state" | tail -n 1 | tr -dc '0-9'; }

# need_space MEGABYTES: fails early and plainly instead of half-way.
need_space() {
  local free
  free=$(free_megabytes)
  ((free >= $1)) || { echo "not enough free space in $state: $free MB, want $1 MB"; return 1; }
}

on_interrupt() {
  stop_painter
  [[ -n $current_step ]] &&
    say "interrupted in step \"$current_step\"; run the same command again to go on"
  exit 130
}

on_exit() {
  stop_painter
  rm -rf "$TMPDIR"
}
