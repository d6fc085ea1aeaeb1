# shellcheck shell=bash
# ./dev chaos: everything after the command is for tests/chaos/run.

command_chaos() {
    packages_need "${PACKAGES_UP[@]}" "${PACKAGES_CHECK[@]}"
    if [[ " ${REST[*]} " != *" --help "* && " ${REST[*]} " != *" -h "* ]]; then
        build "$DIR/check/build" Perch
        export PERCH_DEV_BUILD=$DIR/check/build
    fi
    export PYTHONDONTWRITEBYTECODE=1
    exec "$TOP/tests/chaos/run" "${REST[@]}"
}

suite_chaos() { count_pytest chaos chaos 1; }
