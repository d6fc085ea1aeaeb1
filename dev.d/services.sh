# shellcheck shell=bash
# PostgreSQL, Redis, perch-fcgi and nginx, each private to DIR. Telegram's part stands in telegram.sh.

SERVICES=() # their names, in the order in which they are started
HOSTS=()    # those of perch-fcgi: a tree of processes for each of PERCH_HOSTS hosts
TELEGRAM=() # perch-notifier, and who plays Telegram

# What runs in DIR has as many hosts as it was started with.
services_name() {
    local saved='' host
    saved=$(sed -n 's/^PERCH_HOSTS=//p' "$DIR/state/env" 2>/dev/null) || :
    HOSTS=(perch-fcgi)
    ! services_name_run || [ "${PERCH_HOSTS:-${saved:-1}}" = "${saved:-1}" ] || [ "$1" != up ] ||
        die "$DIR is up with ${saved:-1} hosts; ./dev down first"
    [ "$1" = up ] && [ -n "${PERCH_HOSTS:-}" ] || PERCH_HOSTS=${saved:-1}
    [[ $PERCH_HOSTS =~ ^[1-9]$ ]] || die "PERCH_HOSTS is a number from 1 to 9, not '$PERCH_HOSTS'"
    export PERCH_HOSTS
    for ((host = 2; host <= PERCH_HOSTS; host++)); do HOSTS+=("perch-fcgi-$host"); done
    telegram_name "$1"
    # shellcheck disable=SC2034 # in use in up.sh
    SERVICES=(postgresql redis "${HOSTS[@]}" "${TELEGRAM[@]}" nginx)
}
services_name_run() { process_runs perch-fcgi || process_runs nginx; }

# host_place NAME PLACE: where that host listens, if the first one listens at PLACE: app.sock, app-2.sock, …;
# or 10 ports further for each host.
host_place() {
    local number=${1#perch-fcgi} place=$2
    number=${number#-}
    case ${number:+more}$place in
        /* | [0-9[]*) echo "$place" ;;
        more/*) echo "${place%.sock}-$number.sock" ;;
        more*) echo "${place%:*}:$((${place##*:} + 10 * (number - 1)))" ;;
    esac
}

postgres_bin() {
    # The version that made the cluster, else the newest.
    local version
    version=$(cat "$DIR/postgresql/data/PG_VERSION" 2>/dev/null ||
        printf '%s\n' /usr/lib/postgresql/*/ | sort -V | sed -n '$s,/usr/lib/postgresql/\(.*\)/,\1,p')
    [ -x "/usr/lib/postgresql/$version/bin/postgres" ] || die "PostgreSQL $version, which $DIR needs, is not there"
    echo "/usr/lib/postgresql/$version/bin"
}

# Trust is enough: the only way in is a socket in a folder that nobody else may enter.
postgresql_create() {
    local home=$DIR/postgresql
    [ ! -e "$home/data" ] || return 0
    rm -rf "$home/new" # an earlier attempt was interrupted
    quietly "Creating the PostgreSQL cluster" "$DIR/log/initdb.log" \
        as_runner "$(postgres_bin)/initdb" --pgdata="$home/new" --username=postgres --auth=trust \
        --locale=C.UTF-8 --encoding=UTF8 --no-sync
    as_runner mv "$home/new" "$home/data"
}

postgresql_start() {
    postgresql_create
    postgresql_locks_remove
    process_start postgresql "$(postgres_bin)/postgres" -D "$DIR/postgresql/data" \
        -c listen_addresses= -c port=5432 -c unix_socket_directories="$DIR/run" -c unix_socket_permissions=0700 \
        -c fsync=on -c synchronous_commit=on -c full_page_writes=on \
        -c max_connections=300 -c jit=off -c timezone=UTC -c log_timezone=UTC \
        -c log_line_prefix='%m [%p] %u ' -c cluster_name=perch-dev
}

# After a crash the lock files name a process that is gone. PostgreSQL sees that by itself unless the number is
# somebody else's now, or its zombie's: both happen in containers, where numbers are low and nobody reaps.
postgresql_locks_remove() {
    local lock pid
    for lock in "$DIR/postgresql/data/postmaster.pid" "$DIR/run/.s.PGSQL.5432.lock"; do
        read -r pid 2>/dev/null <"$lock" || continue
        if ! process_identity "$pid" >/dev/null || [ "$(cat "/proc/$pid/comm")" != postgres ]; then
            rm -f "$lock"
        fi
    done
}

postgresql_answers() { "$(postgres_bin)/pg_isready" -q -h "$DIR/run" -p 5432 -U postgres -d postgres; }

redis_start() {
    process_start redis redis-server --port 0 --unixsocket "$DIR/run/redis.sock" --unixsocketperm 700 \
        --dir "$DIR/redis" --save '' --appendonly no --daemonize no
}

redis_answers() { [ "$(redis-cli -s "$DIR/run/redis.sock" ping 2>/dev/null)" = PONG ]; }

database_deploy() {
    PGHOST=$DIR/run PGPORT=5432 PGUSER=postgres psql -Xq -v ON_ERROR_STOP=1 -d postgres >/dev/null <<'END'
SELECT 'CREATE ROLE perch_owner LOGIN CREATEROLE'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'perch_owner') \gexec
SELECT 'CREATE DATABASE perch OWNER perch_owner'
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = 'perch') \gexec
END
    # Sqitch wants to know who deploys; the machine's user database often does not say.
    quietly "Deploying the schema" "$DIR/log/sqitch.log" \
        env -C "$TOP/sql" PGHOST="$DIR/run" PGPORT=5432 PGUSER=perch_owner HOME="$DIR" \
        SQITCH_FULLNAME="${USER:-perch}" SQITCH_EMAIL="${USER:-perch}@localhost" \
        sqitch deploy --verify db:pg:perch
}

# The sessions of a restarted instance go on: the keys are made once.
jwt_keys_create() {
    # shellcheck disable=SC2016
    as_runner sh -c 'umask 077 && test -s "$1" || {
        echo "dev $(head -c 32 /dev/urandom | base64 -w 0 | tr +/ -_ | tr -d =)" >"$1.new" && mv "$1.new" "$1"
    }' - "$DIR/keys/jwt.keys"
}

perch_start() {
    local name=$1
    process_start "$name" env PERCH_APP_SOCKET="$(host_place "$name" "$PERCH_APP_SOCKET")" \
        PERCH_AUTH_SOCKET="$(host_place "$name" "$PERCH_AUTH_SOCKET")" "$BUILD/perch-fcgi"
}

perch_listens() {
    local place
    place=$(host_place "$1" "$PERCH_APP_SOCKET")
    if [[ $place = /* ]]; then
        [ -S "$place" ]
    else
        local address=${place%:*}
        address=${address#[}
        (exec 3<>"/dev/tcp/${address%]}/${place##*:}") 2>/dev/null
    fi
}

# The lines of an upstream of nginx: PLACE of each host.
nginx_servers() {
    local name place
    for name in "${HOSTS[@]}"; do
        place=$(host_place "$name" "$1")
        [[ $place != /* ]] || place=unix:$place
        printf 'server "%s" max_fails=0; ' "$place"
    done
}

nginx_start() {
    local template
    for template in http.conf site.conf problem.conf dev.conf; do
        nginx_fill "$TOP/nginx/$template.in" >"$DIR/conf/$template"
    done
    cp "$TOP"/nginx/{headers,fastcgi,gzip}.conf "$DIR/conf/"
    process_start nginx nginx -p "$DIR/nginx/" -c "$DIR/conf/dev.conf" -e stderr
}

# The templates of the production site, with the limits of a development machine.
nginx_fill() {
    local text key value descriptors
    descriptors=$(ulimit -Hn)
    [[ $descriptors != unlimited && $descriptors -lt 32768 ]] || descriptors=32768
    text=$(<"$1")
    while read -r key value; do
        text=${text//"@$key@"/"$value"}
    done <<END
generated Made from $1 by ./dev up.
app_servers $(nginx_servers "$PERCH_APP_SOCKET")
auth_servers $(nginx_servers "$PERCH_AUTH_SOCKET")
conf_dir $DIR/conf
run_dir $DIR/run
work_dir $DIR/nginx
static_dir $TOP/static
openapi $TOP/fcgi-app/openapi.yaml
openapi_json $BUILD/fcgi-app/openapi.json
port $PORT
descriptors $descriptors
rate_register $PERCH_NGINX_RATE_REGISTER
rate_login $PERCH_NGINX_RATE_LOGIN
rate_api $PERCH_NGINX_RATE_API
burst_api $PERCH_NGINX_RATE_API
connections $PERCH_NGINX_CONNECTIONS
END
    # A machine without IPv6 has no ::1 to listen on.
    grep -qs ' lo$' /proc/net/if_inet6 || text=${text//listen \[::1\]/# listen [::1]}
    printf '%s\n' "$text"
}

# service_await NAME CONDITION…: until the condition holds; stops with the end of NAME's log if NAME ends.
service_await() {
    local name=$1 deadline=$((SECONDS + 60))
    shift
    until "$@"; do
        if ! process_runs "$name"; then
            tail -n 15 "$DIR/log/$name.log" >&2
            die "$name ended at once; its log: $DIR/log/$name.log"
        fi
        [ "$SECONDS" -lt "$deadline" ] || die "$name is not ready after a minute; its log: $DIR/log/$name.log"
        sleep 0.03
    done
}

# New connections are refused first; then perch-fcgi sends the waiting polls home, and nginx passes that on.
services_stop() {
    local name
    process_signal nginx QUIT
    for name in "${HOSTS[@]}"; do process_stop "$name" TERM 25; done
    process_stop nginx QUIT 6 TERM 3
    process_stop perch-notifier TERM 5
    process_stop botapi TERM 5
    process_stop redis TERM 5
    process_stop postgresql INT 20 QUIT 10
    rm -f "$DIR/state/dev.pid"
}
