# shellcheck shell=bash
# Processes: who they run as, how they are started, known again, and stopped.
#
# A started process is recorded in DIR/state/NAME.pid as "PID START BOOT" before it becomes the service, so
# there is no moment at which it could be lost, and a number that the kernel gave to somebody else meanwhile
# is never signalled.

RUNNER=() # the command words that make a process run as the services do

# As root, the services run as the user of Debian's PostgreSQL package: PostgreSQL refuses root, the account is
# there because the package is, and unlike nobody it is meant to own files.
# If that user cannot get into the folder, say because the checkout lies in /root, the services get the one
# capability that lets them pass: CAP_DAC_READ_SEARCH, or CAP_DAC_OVERRIDE where (as in Docker) only that
# exists. It opens files for them but lets them act as nobody else.
runner_choose() {
    [ "$EUID" -eq 0 ] || return 0
    id postgres >/dev/null 2>&1 || die "the user postgres is missing: is the package postgresql-common broken?"
    local as=(setpriv --reuid=postgres --regid=postgres --init-groups --no-new-privs) capability
    for capability in '' dac_read_search dac_override; do
        RUNNER=("${as[@]}" ${capability:+"--inh-caps=+$capability" "--ambient-caps=+$capability"})
        # shellcheck disable=SC2016
        if "${RUNNER[@]}" sh -c 'cd "$1" && ls "$2" && cat "$2/index.html"' - "$DIR/run" "$TOP/static" \
            >/dev/null 2>&1; then
            return 0
        fi
    done
    die "as root the services run as the user postgres, which cannot enter $DIR: use another --dir"
}

as_runner() { "${RUNNER[@]}" "$@"; }

# The clock tick at which a process was started, and which boot that was: with the number, its identity.
process_identity() {
    local stat boot
    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return 1
    read -r boot </proc/sys/kernel/random/boot_id
    # The name, in parentheses, may hold anything. A zombie has ended.
    read -ra stat <<<"${stat##*) }"
    [[ ${stat[0]} != [ZX] ]] && echo "${stat[19]} $boot"
}

process_record() { # NAME PID
    local identity
    identity=$(process_identity "$2") && echo "$2 $identity" >"$DIR/state/$1.pid"
}

# Prints the number of the recorded process; fails if it does not run.
process_pid() {
    local pid identity
    read -r pid identity 2>/dev/null <"$DIR/state/$1.pid" || return 1
    [[ $pid =~ ^[1-9][0-9]*$ ]] && [ "$(process_identity "$pid")" = "$identity" ] && echo "$pid"
}

process_runs() { process_pid "$1" >/dev/null; }

# process_start NAME COMMAND…: in a session of its own, so that a Ctrl-C reaches us alone, and with nothing
# of the caller's open.
process_start() {
    local name=$1 log=$DIR/log/$1.log
    shift
    [ ! -s "$log" ] || mv -f "$log" "$log.old"
    : >"$log"
    (
        local fd
        exec </dev/null >>"$log" 2>&1
        for fd in "/proc/$BASHPID/fd/"*; do
            fd=${fd##*/}
            [ "$fd" -le 2 ] || [ "$fd" -eq 255 ] || eval "exec $fd>&-" 2>/dev/null || :
        done
        # For thousands of waiting polls.
        ulimit -Sn "$(ulimit -Hn)"
        cd "$DIR" || exit
        process_record "$name" "$BASHPID"
        # A background command of a shell starts with SIGINT and SIGQUIT ignored.
        exec setsid env --default-signal HOME="$DIR" "${RUNNER[@]}" "$@"
    ) &
    disown
    # Until then it is not known to the others.
    until process_runs "$name" || ! kill -0 $! 2>/dev/null; do sleep 0.01; done
}

# What a dead process has left: members of its session that still run, as nginx's workers do when their master
# is killed. That they work in DIR makes sure of whose they are. PostgreSQL's backends have sessions of their
# own and work in the cluster; they are about to end, and no new postmaster starts before.
process_leftovers() { # NAME
    local pid boot stat folder cluster=$DIR/postgresql/data
    [ "$1" = postgresql ] || cluster=/nowhere
    read -r pid _ boot 2>/dev/null <"$DIR/state/$1.pid" || return 0
    [ "$boot" = "$(</proc/sys/kernel/random/boot_id)" ] || return 0
    for folder in /proc/[1-9]*; do
        { read -r stat <"$folder/stat"; } 2>/dev/null || continue
        read -ra stat <<<"${stat##*) }" # state, parent, group, session …
        [[ ${stat[0]} != [ZX] ]] || continue
        if [ "${stat[3]}" = "$pid" ] && [ "$folder/cwd" -ef "$DIR" ] || [ "$folder/cwd" -ef "$cluster" ]; then
            echo "${folder#/proc/}"
        fi
    done
}

process_leftovers_kill() { # NAME
    local pids
    while pids=$(process_leftovers "$1") && [ -n "$pids" ]; do
        # shellcheck disable=SC2086
        kill -KILL $pids 2>/dev/null || :
        sleep 0.03
    done
    rm -f "$DIR/state/$1.pid"
}

process_signal() { # NAME SIGNAL
    local pid
    pid=$(process_pid "$1") || return 0
    kill "-$2" "$pid" 2>/dev/null || :
    # A process that somebody has stopped hears nothing else.
    kill -CONT "$pid" 2>/dev/null || :
}

process_wait() { # NAME SECONDS
    local deadline=$((SECONDS + $2))
    while process_runs "$1"; do
        [ "$SECONDS" -lt "$deadline" ] || return 1
        sleep 0.03
    done
}

# process_stop NAME SIGNAL SECONDS [SIGNAL SECONDS]…: one after the other until it is gone, SIGKILL at last.
process_stop() {
    local name=$1 pid
    shift
    pid=$(process_pid "$name") || shift $#
    while [ $# -gt 0 ]; do
        process_signal "$name" "$1"
        process_wait "$name" "$2" && break
        shift 2
    done
    if process_runs "$name"; then
        warn "$name does not end by itself; killing it"
        kill -KILL "$pid" || :
        process_wait "$name" 10 || warn "$name (process $pid) cannot be killed"
    fi
    process_leftovers_kill "$name"
}
