# shellcheck shell=bash
# ./dev check and ./dev bench: everything is built and made below DIR/check; instances live in short paths
# below /tmp, each on a port of its own.

# shellcheck disable=SC2034 # shared with the other parts
readonly SUITES=(unit werror sanitize distcheck sql api order hub botapi notifier browser dev fuzz chaos)
readonly SUITES_QUICK=(unit sql api browser)

command_check() {
    CHECK=$DIR/check PASSED=0 FAILED=0 QUICK=''
    local suites suite
    read -ra suites <<<"$(suites_choose)"
    [ "${#suites[@]}" -gt 0 ] || exit 2
    packages_need "${PACKAGES_UP[@]}" "${PACKAGES_CHECK[@]}"
    [[ " ${WORDS[*]} " != *" quick "* ]] || QUICK=yes
    check_prepare
    # In a subshell, because it ends the script where it fails; without a build each suite would only say so again.
    if (build "$CHECK/build" Perch); then
        for suite in "${suites[@]}"; do
            check_suite "$suite"
        done
    else
        count 0 1
    fi
    printf '%d passed, %d failed\n' "$PASSED" "$FAILED"
    [ "$FAILED" -eq 0 ]
}

# Prints the suites that are asked for, in their usual order.
suites_choose() {
    local word chosen=" ${WORDS[*]} " suite
    for word in "${WORDS[@]}"; do
        [[ " ${SUITES[*]} quick " == *" $word "* ]] || die "there is no suite '$word': ${SUITES[*]} quick"
    done
    [ "${#WORDS[@]}" -gt 0 ] || chosen=" ${SUITES[*]} "
    for suite in "${SUITES[@]}"; do
        if [[ $chosen == *" $suite "* || $chosen == *" quick "* && " ${SUITES_QUICK[*]} " == *" $suite "* ]]; then
            printf '%s ' "$suite"
        fi
    done
}

check_prepare() {
    mkdir -p "$CHECK/log" "$CHECK/artefacts" "$CHECK/instances"
    exec {check_lock}>"$CHECK/lock"
    flock -n "$check_lock" || die "another ./dev check runs in $DIR; take another --dir"
    # Instances of tests that were killed are stopped all the same.
    PERCH_TEST_TMP=$(mktemp -d /tmp/perch-check-XXXX)
    chmod 711 "$PERCH_TEST_TMP"
    trap 'check_clean_up' EXIT
    trap 'exit 130' INT TERM HUP
    export PERCH_TEST_TMP PERCH_TEST_LOGS=$CHECK/instances PERCH_TEST_ARTEFACTS=$CHECK/artefacts
    export PERCH_DEV_BUILD=$CHECK/build PYTHONDONTWRITEBYTECODE=1
}

check_clean_up() {
    trap '' INT TERM HUP
    local folder
    for folder in "$PERCH_TEST_TMP"/*/; do
        [ ! -d "$folder/state" ] || env -u PERCH_DIR "$TOP/dev" down --dir "$folder" || :
    done
    rm -rf "$PERCH_TEST_TMP"
}

check_suite() {
    local suite=$1 passed=$PASSED failed=$FAILED started=$SECONDS
    step "Suite $suite"
    "suite_$suite"
    say "    $suite: $((PASSED - passed)) passed, $((FAILED - failed)) failed ($((SECONDS - started)) s)"
}

count() { PASSED=$((PASSED + $1)) FAILED=$((FAILED + $2)); }

# count_command NAME COMMAND…: one test that is a whole command, with its output in the suite's log.
count_command() {
    local name=$1 log=$CHECK/log/${1// /-}.log
    shift
    if "$@" </dev/null 2>&1 | tee "$log" | progress; then
        say "    passed: $name"
        count 1 0
    else
        tail -n 40 "$log" >&2
        warn "failed: $name; all of its output: $log"
        count 0 1
    fi
}

# Automake's summary: what is not a pass is a failure, a skipped test too. $1: where; rest: the command.
count_automake() {
    local name=$1 log=$CHECK/log/$1.log passed total status=0
    shift
    "$@" </dev/null 2>&1 | tee "$log" | progress || status=$?
    passed=$(sed -n 's/^# PASS: *//p' "$log")
    total=$(sed -n 's/^# TOTAL: *//p' "$log")
    if [[ ! $passed =~ ^[0-9]+$ || ! $total =~ ^[0-9]+$ ]]; then
        passed=0 total=1
    elif [ "$status" -ne 0 ] && [ "$passed" -eq "$total" ]; then
        total=$((total + 1)) # make failed elsewhere
    fi
    count "$passed" $((total - passed))
    if [ "$passed" -ne "$total" ]; then
        grep -E '^(FAIL|ERROR|SKIP|XPASS): |error:' "$log" >&2 || tail -n 40 "$log" >&2
        warn "failed: $name; all of its output: $log"
    fi
}

# count_pytest NAME FOLDER PROCESSES [OPTION…]: a pytest suite; what was skipped is a failure.
count_pytest() {
    local name=$1 folder=$TOP/tests/$2 processes=$3 report=$CHECK/log/$1.xml attributes attribute tests bad number status=0
    local options=(-o cache_dir="$CHECK/pytest-cache" --junitxml="$report" --color=auto)
    [ "$processes" -eq 1 ] || options+=(-n "$processes")
    [ -z "$QUICK" ] || options+=(-m 'not slow')
    options+=("${@:4}")
    rm -f "$report"
    /usr/bin/python3 -m pytest "${options[@]}" "${REST[@]}" "$folder" </dev/null 2>&1 |
        tee "$CHECK/log/$name.log" || status=$?
    attributes=$(grep -o '<testsuite [^>]*>' "$report" 2>/dev/null || :)
    tests=$(sed -n 's/.* tests="\([0-9]*\)".*/\1/p' <<<"$attributes")
    bad=0
    for attribute in errors failures skipped; do
        number=$(sed -n "s/.* $attribute=\"\([0-9]*\)\".*/\1/p" <<<"$attributes")
        bad=$((bad + ${number:-0}))
    done
    if [ "${tests:-0}" -eq 0 ]; then
        warn "$name ran no test"
        count 0 1
    elif [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
        warn "$name: pytest ended with status $status"
        count "$tests" 1
    else
        count $((tests - bad)) "$bad"
    fi
}

suite_unit() {
    count_automake unit make -C "$CHECK/build" -j"$(nproc)" check
    count_command "unit tests with failing malloc" \
        /usr/bin/python3 "$TOP/tests/unit/failing_malloc.py" "$CHECK/build" --seconds 25
}

suite_werror() {
    local compiler
    for compiler in gcc clang; do
        count_command "build with $compiler -Werror" check_werror "$compiler"
    done
}
check_werror() {
    # Unit test programs are compiled, too, and not run.
    build "$CHECK/werror-$1" "with $1 -Werror" CC="$1" --enable-werror
    make -C "$CHECK/werror-$1" -j"$(nproc)" check TESTS=
}

suite_sanitize() {
    local folder=$CHECK/sanitize
    if ! (build "$folder" "with sanitizers" --with-sanitizer=address,undefined); then
        count 0 1
        return 0
    fi
    local PERCH_DEV_BUILD=$folder
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1 UBSAN_OPTIONS=print_stacktrace=1
    count_automake unit-with-sanitizers make -C "$folder" -j"$(nproc)" check
    count_pytest api-with-sanitizers api 2
    # These wait more than they work.
    count_pytest hub-with-sanitizers hub 3 -m 'not slow and not memory'
    count_pytest order-with-sanitizers order 1 -m 'not slow'
    count_pytest notifier-with-sanitizers notifier 2 -m 'not slow and not memory'
    unset ASAN_OPTIONS UBSAN_OPTIONS
}

suite_distcheck() { count_command distcheck make -C "$CHECK/build" -j"$(nproc)" distcheck; }
suite_sql() { count_pytest sql sql 1; }
suite_api() { count_pytest api api 2; }
suite_order() { count_pytest order order 1; }
suite_hub() { count_pytest hub hub 2; }
suite_botapi() { count_pytest botapi botapi 2; }
suite_notifier() { count_pytest notifier notifier 2; }
suite_browser() { count_pytest browser browser 2; }
suite_dev() { count_pytest dev dev 2; }

command_bench() { program_run tests/bench/run all tests/bench/perch-load; }

# program_run PROGRAM MAKE-TARGET…: becomes a program of tests/ that gets everything after the command; its help
# wants nothing built.
program_run() {
    local program=$TOP/$1 MAKE_TARGETS=("${@:2}")
    packages_need "${PACKAGES_UP[@]}" "${PACKAGES_CHECK[@]}"
    export PYTHONDONTWRITEBYTECODE=1
    if [[ " ${REST[*]} " != *" --help "* && " ${REST[*]} " != *" -h "* ]]; then
        build "$DIR/check/build" Perch
        export PERCH_DEV_BUILD=$DIR/check/build
    fi
    exec "$program" "${REST[@]}"
}
