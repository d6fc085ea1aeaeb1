# shellcheck shell=bash
# PostgreSQL, Redis, perch-fcgi and nginx, each private to DIR.

# shellcheck disable=SC2034 # in use in up.sh
readonly SERVICES=(postgresql redis perch-fcgi nginx)

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
    process_start perch-fcgi "$BUILD/perch-fcgi"
}

nginx_start() {
    local template
    for template in http.conf site.conf problem.conf dev.conf; do
        nginx_fill "$TOP/nginx/$template.in" >"$DIR/conf/$template"
    done
    cp "$TOP/nginx/headers.conf" "$TOP/nginx/fastcgi.conf" "$DIR/conf/"
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
app_socket $PERCH_APP_SOCKET
auth_socket $PERCH_AUTH_SOCKET
conf_dir $DIR/conf
run_dir $DIR/run
work_dir $DIR/nginx
static_dir $TOP/static
openapi $TOP/fcgi-app/openapi.yaml
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
    process_signal nginx QUIT
    process_stop perch-fcgi TERM 20
    process_stop nginx QUIT 6 TERM 3
    process_stop redis TERM 5
    process_stop postgresql INT 20 QUIT 10
    rm -f "$DIR/state/dev.pid"
}
