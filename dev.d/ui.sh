# shellcheck shell=bash
# What the person at the terminal sees. Everything goes to standard error but what a command is asked for.

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
    BOLD=$'\e[1m' RED=$'\e[31m' DIM=$'\e[2m' PLAIN=$'\e[0m' TERMINAL=yes
else
    BOLD='' RED='' DIM='' PLAIN='' TERMINAL=
fi

# A closed terminal or pipe must not end the script halfway through stopping things. Not ignored: children,
# among them packages' own scripts, would inherit that.
trap : PIPE
say() { printf '%s\n' "$*" >&2 2>/dev/null || :; }
step() { say "$BOLD==>$PLAIN $*"; }
warn() { say "${RED}dev: $*$PLAIN"; }
die() {
    warn "$*"
    exit 1
}

# quietly TITLE LOG COMMAND…: run it with its output in LOG and a sign of life on the terminal; when it fails,
# show the end of LOG and stop.
quietly() {
    local title=$1 log=$2
    shift 2
    step "$title"
    if ! "$@" </dev/null 2>&1 | tee "$log" | progress; then
        tail -n 30 "$log" >&2
        die "that failed; all of its output: $log"
    fi
}

# The last line of output on a terminal; elsewhere only apt's percentages (its APT::Status-Fd lines), by tens.
progress() {
    local line percent last=-1 width
    width=$(tput cols 2>/dev/null || echo 80)
    while IFS= read -r line; do
        percent=
        if [[ $line =~ ^(dl|pm)status:[^:]*:([0-9]+)[^:]*:(.*) ]]; then
            percent=${BASH_REMATCH[2]}
            line=$(printf '%3d%% %s' "$percent" "${BASH_REMATCH[3]}")
        fi
        if [ -n "$TERMINAL" ]; then
            printf '\r\e[K%s    %.*s%s' "$DIM" $((width - 5)) "$line" "$PLAIN" >&2
        elif [ -n "$percent" ] && [ $((percent / 10)) -ne "$last" ]; then
            last=$((percent / 10))
            say "    $line"
        fi
    done
    [ -z "$TERMINAL" ] || printf '\r\e[K' >&2
}
