# shellcheck shell=bash
# ./dev chaos: everything after the command is for tests/chaos/run.

command_chaos() {
    program_run tests/chaos/run all
}

suite_chaos() { count_pytest chaos chaos 1; }
