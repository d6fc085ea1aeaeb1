# shellcheck shell=bash
# ./dev fuzz, and the suite fuzz of ./dev check: hostile input, made by clang's libFuzzer.
#
# Below DIR/fuzz: inputs/TARGET/ grows from run to run (every input opened another branch), crashes/ keeps what
# broke something, log/ what libFuzzer said.

fuzz_build() {
    # shellcheck disable=SC2034 # build() looks at it
    local MAKE_TARGETS=(all fuzz)
    build "$1" "Perch and its fuzz targets"
}

fuzz_usage() {
    cat <<END
Usage: ./dev fuzz [TARGET…] [--hours N] [--dir DIR]

Builds with clang's sanitizers and libFuzzer, and tries hostile input for N hours in all (default: 0.1), shared
by the targets named, or by all of them:

$(fuzz_targets | sed 's/^/  /')

Below DIR/fuzz (default: .dev/fuzz): inputs/TARGET grows from run to run, crashes keeps what broke something,
log what libFuzzer said. Each starts from tests/fuzz/seeds/TARGET.
END
}

# The names of the targets, as the sources have them.
fuzz_targets() {
    local source
    for source in "$TOP"/tests/fuzz/fuzz_*.c; do
        source=${source##*/fuzz_}
        printf '%s\n' "${source%.c}"
    done
}

# fuzz_command BUILD TARGET SECONDS: sets FUZZ_COMMAND; with 0 seconds it runs seeds and old inputs only.
fuzz_command() {
    local target=$2 seconds=$3 inputs=$DIR/fuzz/inputs/$2 crashes=$DIR/fuzz/crashes
    mkdir -p "$inputs" "$crashes" "$DIR/fuzz/log"
    FUZZ_COMMAND=("$1/tests/fuzz/fuzz_$target" -artifact_prefix="$crashes/$target-" -timeout=20 -malloc_limit_mb=4096)
    if [ "$seconds" -gt 0 ]; then
        FUZZ_COMMAND+=(-max_total_time="$seconds")
    else
        FUZZ_COMMAND+=(-runs=0)
    fi
    FUZZ_COMMAND+=("$inputs" "$TOP/tests/fuzz/seeds/$target")
}

# The seeds and what was kept of earlier runs, once each.
fuzz_replay() {
    local log=$DIR/fuzz/log/$2.log status=0
    fuzz_command "$1" "$2" 0
    "${FUZZ_COMMAND[@]}" </dev/null >"$log" 2>&1 || status=$?
    fuzz_verdict "$1" "$2" "$status"
}

# fuzz_verdict BUILD TARGET STATUS: what went wrong, and how to see it again.
fuzz_verdict() {
    local program=$1/tests/fuzz/fuzz_$2 target=$2 status=$3 log=$DIR/fuzz/log/$2.log crash
    if [ "$status" -eq 0 ]; then
        say "    passed: $target ($(fuzz_progress "$log"))"
        return 0
    fi
    # The input goes along, where it is short: a log is often all that is left of a machine.
    grep -m 4 -E 'does not hold|ERROR: |runtime error:|^Base64: .{1,1000}$' "$log" >&2 || tail -n 20 "$log" >&2
    crash=$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)
    warn "fuzz target $target failed${crash:+; see it again: $program $crash}; all it said: $log"
    return 1
}

# One line about a target's log: what is known so far.
fuzz_progress() {
    local line
    line=$(grep -E '^#[0-9]+' "$1" 2>/dev/null | tail -n 1)
    [[ $line =~ ^#([0-9]+).*cov:\ ([0-9]+).*corp:\ ([0-9]+) ]] || return 0
    printf '%s inputs tried, %s branches, %s kept' "${BASH_REMATCH[@]:1:3}"
}

# ./dev fuzz [TARGET…] [--hours N]: as many at once as there are cores, each for an equal part of the time.
command_fuzz() {
    local targets=("${WORDS[@]}") build=$DIR/check/build target seconds cores
    [ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(fuzz_targets)
    for target in "${targets[@]}"; do
        [ -e "$TOP/tests/fuzz/fuzz_$target.c" ] || die "there is no fuzz target '$target': $(fuzz_targets | xargs)"
    done
    packages_need "${PACKAGES_UP[@]}" "${PACKAGES_CHECK[@]}"
    fuzz_build "$build"
    cores=$(nproc)
    [ "$cores" -le "${#targets[@]}" ] || cores=${#targets[@]}
    seconds=$(awk -v hours="$HOURS" -v cores="$cores" -v targets="${#targets[@]}" \
        'BEGIN { printf "%d", hours * 3600 * cores / targets }')
    [ "$seconds" -gt 0 ] || seconds=1
    step "Fuzzing ${#targets[@]} targets, $seconds s each, $cores at once"
    fuzz_all "$build" "$seconds" "$cores" "${targets[@]}"
}

# fuzz_all BUILD SECONDS AT-ONCE TARGET…: 1 if one of them failed.
fuzz_all() {
    local build=$1 seconds=$2 cores=$3 failed=0 spoken=$SECONDS pid status
    shift 3
    local -A running=()
    trap 'kill "${!running[@]}" 2>/dev/null; exit 130' INT TERM HUP
    while [ $# -gt 0 ] || [ "${#running[@]}" -gt 0 ]; do
        while [ $# -gt 0 ] && [ "${#running[@]}" -lt "$cores" ]; do
            fuzz_command "$build" "$1" "$seconds"
            "${FUZZ_COMMAND[@]}" </dev/null >"$DIR/fuzz/log/$1.log" 2>&1 &
            running[$!]=$1
            shift
        done
        for pid in "${!running[@]}"; do
            kill -0 "$pid" 2>/dev/null && continue
            status=0
            wait "$pid" || status=$?
            fuzz_verdict "$build" "${running[$pid]}" "$status" || failed=1
            unset -v "running[$pid]"
        done
        if [ $((SECONDS - spoken)) -ge 60 ]; then
            spoken=$SECONDS
            for pid in "${!running[@]}"; do
                say "    ${running[$pid]}: $(fuzz_progress "$DIR/fuzz/log/${running[$pid]}.log")"
            done
        fi
        sleep 0.2
    done
    trap - INT TERM HUP
    return "$failed"
}

# In ./dev check: every seed and kept input once, then a few seconds of new ones, and Python's opinion about JSON.
suite_fuzz() {
    local build=$CHECK/build targets=() target
    if ! (fuzz_build "$build"); then
        count 0 1
        return 0
    fi
    mapfile -t targets < <(fuzz_targets)
    for target in "${targets[@]}"; do
        count_command "fuzz $target with its seeds" fuzz_replay "$build" "$target"
    done
    count_command "fuzz with new inputs" fuzz_all "$build" 5 "$(nproc)" "${targets[@]}"
    count_pytest fuzz fuzz 1
}
