# shellcheck shell=bash
# ./dev up, down and env.

command_up() {
    dir_prepare
    lock
    if service_all_run; then
        env_load
        [ -z "$PORT" ] || [ "$PORT" = "$PERCH_PORT" ] ||
            die "$DIR is up on port $PERCH_PORT; ./dev down first, or take another --dir for port $PORT"
        PORT=$PERCH_PORT
        say "Perch is up already; it runs what was built then (./dev down, ./dev up for a new build)."
        announce
        return 0
    fi
    PORT=${PORT:-$(cat "$DIR/state/port" 2>/dev/null || echo 8080)}
    trap 'interrupted' INT TERM HUP
    trap 'up_failed' EXIT
    local name
    for name in "${SERVICES[@]}"; do
        process_runs "$name" || process_leftovers_kill "$name"
    done
    port_check
    if [ -n "${PERCH_DEV_BUILD:-}" ]; then
        BUILD=$(realpath -e -- "$PERCH_DEV_BUILD") || die "PERCH_DEV_BUILD names no folder: $PERCH_DEV_BUILD"
    else
        packages_need "${PACKAGES_UP[@]}"
        BUILD=$DIR/build
        build "$BUILD" Perch
    fi
    services_start
    trap - EXIT
    announce
    if [ -n "$DETACH" ] || process_runs dev; then
        return 0
    fi
    process_record dev $$
    unlock
    say "    Ctrl-C stops it; the data stays."
    supervise
}

services_start() {
    local name
    dir_prepare_services
    runner_choose
    settings_choose
    echo "$PORT" >"$DIR/state/port"
    step "Starting PostgreSQL, Redis, perch-fcgi$([ "$PERCH_DEV_TELEGRAM" = off ] || echo ', perch-notifier') and nginx"
    process_runs postgresql || postgresql_start
    process_runs redis || redis_start
    service_await postgresql postgresql_answers
    database_deploy
    service_await redis redis_answers
    jwt_keys_create
    botapi_settings
    env_save
    for name in "${HOSTS[@]}"; do
        process_runs "$name" || perch_start "$name"
        service_await "$name" perch_listens "$name"
    done
    notifier_up
    process_runs nginx || nginx_start
    service_await nginx http_answers /openapi.yaml
    service_await perch-fcgi http_answers /health/ready
    demo_accounts_create
}

http_answers() { curl -fs -o /dev/null --max-time 5 --noproxy '*' "http://127.0.0.1:$PORT$1"; }

# While it runs in the foreground: say when a service ends, and when it is there again (a second ./dev up
# starts what is missing). That one of them is away is worth watching, so the others stay.
supervise() {
    local name
    declare -A away=()
    while :; do
        for name in "${SERVICES[@]}"; do
            if process_runs "$name"; then
                [ -z "${away[$name]:-}" ] || say "$name runs again."
                away[$name]=
            elif [ -z "${away[$name]:-}" ]; then
                away[$name]=yes
                warn "$name has ended; its log: $DIR/log/$name.log (./dev up elsewhere starts it again)"
            fi
        done
        service_any_runs || die "nothing runs any more"
        sleep 1 &
        wait $! || :
    done
}

interrupted() {
    trap '' INT TERM HUP
    trap - EXIT
    say ""
    step "Stopping"
    services_stop
    exit 130
}

# Whatever stopped the start: nothing half-started stays behind.
up_failed() {
    trap '' INT TERM HUP
    process_runs dev || services_stop
}

command_down() {
    [ -d "$DIR/state" ] || { say "Nothing runs in $DIR." && return 0; }
    lock # a start that is under way becomes whole first
    local pid
    if pid=$(process_pid dev); then
        step "Stopping"
        kill -TERM "$pid"
        process_wait dev 75 || kill -KILL "$pid"
    fi
    if service_any_runs; then
        step "Stopping"
        services_stop
    elif [ -z "$pid" ]; then
        say "Nothing runs in $DIR."
    fi
}

command_env() {
    service_any_runs || die "nothing runs in $DIR: start it with ./dev up"
    cat "$DIR/state/env"
    local name key pid
    for name in "${HOSTS[@]}"; do
        key=PERCH_MASTER${name#perch-fcgi}_PID
        ! pid=$(process_pid "$name") || echo "${key//-/_}=$pid"
    done
    while read -r name key; do
        ! pid=$(process_pid "$name") || echo "$key=$pid"
    done <<'END'
postgresql PERCH_POSTGRES_PID
redis PERCH_REDIS_PID
nginx PERCH_NGINX_PID
perch-notifier PERCH_NOTIFIER_PID
botapi PERCH_BOTAPI_PID
END
}

# What perch-fcgi and perch-notifier are told, unless the caller's environment says otherwise.
settings_choose() {
    export PERCH_DIR=$DIR PERCH_PORT=$PORT PERCH_URL=http://localhost:$PORT
    choose PERCH_DATABASE_URL "postgresql://perch_app@/perch?host=$DIR/run&port=5432"
    choose PERCH_OWNER_DATABASE_URL "postgresql://perch_owner@/perch?host=$DIR/run&port=5432"
    choose PERCH_ADMIN_DATABASE_URL "postgresql://postgres@/perch?host=$DIR/run&port=5432"
    choose PERCH_NOTIFIER_DATABASE_URL "postgresql://perch_notifier@/perch?host=$DIR/run&port=5432"
    choose PERCH_NOTIFIER_METRICS "$DIR/run/notifier.sock"
    choose PERCH_REDIS_URL "unix://$DIR/run/redis.sock"
    choose PERCH_APP_SOCKET "$DIR/run/app.sock"
    choose PERCH_AUTH_SOCKET "$DIR/run/auth.sock"
    choose PERCH_JWT_KEYS_FILE "$DIR/keys/jwt.keys"
    choose PERCH_RATE_REGISTER 5000
    choose PERCH_RATE_LOGIN 5000
    choose PERCH_RATE_ACCOUNT 5000
    choose PERCH_RATE_SEND 1000
    choose PERCH_RATE_COSTLY 60000
    choose PERCH_NGINX_RATE_REGISTER 5000
    choose PERCH_NGINX_RATE_LOGIN 5000
    choose PERCH_NGINX_RATE_API 100000
    choose PERCH_NGINX_CONNECTIONS 20000
}
choose() { export "$1=${!1:-$2}"; }

env_save() {
    local key
    # The numbers of an environment taken from another instance's ./dev env are not ours.
    for key in "${!PERCH_@}"; do
        [[ $key == *_PID || -z ${!key} ]] || printf '%s=%s\n' "$key" "${!key}"
    done >"$DIR/state/env.new"
    mv "$DIR/state/env.new" "$DIR/state/env"
}

env_load() {
    local key value
    while IFS='=' read -r key value; do
        export "$key=$value"
    done <"$DIR/state/env"
}

announce() {
    # What was asked for, so on standard output; it may be closed.
    {
        printf '\nPerch is up: %s\n' "${BOLD}http://localhost:$PORT$PLAIN"
        demo_accounts_print
        telegram_print
        printf '    logs in %s\n' "$DIR/log/"
    } 2>/dev/null || :
}

dir_prepare() {
    # A unix socket's path has at most 107 bytes; PostgreSQL's is the longest here.
    local socket=$DIR/run/.s.PGSQL.5432.lock owner
    [ "$(printf %s "$socket" | LC_ALL=C wc -c)" -le 107 ] ||
        die "the path is too long for unix sockets (at most $((107 - ${#socket} + ${#DIR})) bytes): $DIR; use --dir"
    mkdir -p "$DIR" || die "cannot make the folder $DIR"
    owner=$(stat -c %u "$DIR")
    [ "$owner" -eq "$EUID" ] || die "$DIR belongs to $(id -un "$owner" 2>/dev/null || echo "$owner"): use another --dir"
    mkdir -p "$DIR/log" "$DIR/conf"
    [ -d "$DIR/state" ] || mkdir -m 0700 "$DIR/state" # a database URL given by the caller may hold a password
}

# The folders that the services write in. Logs and process ids are written by this script alone.
dir_prepare_services() {
    local name owner=()
    [ "$EUID" -ne 0 ] || owner=(-o postgres -g postgres)
    for name in run keys postgresql redis nginx; do
        install -d -m 0700 "${owner[@]}" "$DIR/$name"
    done
}

port_check() {
    process_runs nginx && return 0
    ! port_in_use "$PORT" || die "port $PORT is in use by another program; take another one with --port"
}

port_in_use() {
    local address
    for address in 127.0.0.1 ::1; do
        ! (exec 3<>"/dev/tcp/$address/$1") 2>/dev/null || return 0
    done
    return 1
}

service_all_run() {
    local name
    for name in "${SERVICES[@]}"; do
        process_runs "$name" || return 1
    done
}

service_any_runs() {
    local name
    for name in "${SERVICES[@]}"; do
        ! process_runs "$name" || return 0
    done
    return 1
}

# One ./dev at a time starts or stops things in DIR.
lock() {
    exec {lock_fd}>"$DIR/state/lock"
    flock -n "$lock_fd" || { say "Waiting for another ./dev in $DIR" && flock "$lock_fd"; }
}
unlock() { exec {lock_fd}>&-; }
