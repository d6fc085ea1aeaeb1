# shellcheck shell=bash
# Telegram: perch-notifier, and where no token is given the stand-in for the Bot API, with a page that is the phone.

# As what Telegram runs here: stand-in, real or off. Sets PERCH_DEV_TELEGRAM, and TELEGRAM to its services.
telegram_name() { # COMMAND
    local saved='' wanted=${PERCH_DEV_TELEGRAM:-}
    saved=$(sed -n 's/^PERCH_DEV_TELEGRAM=//p' "$DIR/state/env" 2>/dev/null) || :
    [ -n "$wanted" ] || [ -z "${PERCH_TELEGRAM_TOKEN_FILE:-}" ] || wanted=real
    [[ -z $wanted || $wanted = stand-in || $wanted = real || $wanted = off ]] ||
        die "PERCH_DEV_TELEGRAM is stand-in, real or off, not '$wanted'"
    if [ "$1" != up ] || services_name_run; then
        [ "$1" != up ] || [ "${wanted:-$saved}" = "$saved" ] ||
            die "$DIR is up with Telegram as '$saved', not '$wanted'; ./dev down first"
        wanted=${saved:-off}
    fi
    export PERCH_DEV_TELEGRAM=${wanted:-stand-in}
    # shellcheck disable=SC2034 # in use in services.sh
    case $PERCH_DEV_TELEGRAM in
        stand-in) TELEGRAM=(botapi perch-notifier) ;;
        real) TELEGRAM=(perch-notifier) ;;
        off) TELEGRAM=() ;;
    esac
    [ "$1 $PERCH_DEV_TELEGRAM" != 'up real' ] || telegram_token_name
}

# The services work in another folder.
telegram_token_name() {
    [ -n "${PERCH_TELEGRAM_TOKEN_FILE:-}" ] ||
        die "PERCH_DEV_TELEGRAM=real wants the name of a file with a bot's token in PERCH_TELEGRAM_TOKEN_FILE"
    PERCH_TELEGRAM_TOKEN_FILE=$(realpath -m -- "$PERCH_TELEGRAM_TOKEN_FILE")
    export PERCH_TELEGRAM_TOKEN_FILE
}

# Nobody else's: made once, and as secret as a real one.
botapi_token_create() {
    # shellcheck disable=SC2016
    as_runner sh -c 'umask 077 && test -s "$1" || {
        echo "7000000001:$(head -c 26 /dev/urandom | base64 -w 0 | tr +/ -_ | tr -d =)" >"$1.new" && mv "$1.new" "$1"
    }' - "$DIR/keys/telegram.token"
}

# The port it had last, else a thousand above ours, else any (0).
botapi_port() {
    local port
    # shellcheck disable=SC2153 # PORT is set in dev
    for port in $(cat "$DIR/state/botapi-port" 2>/dev/null) $((PORT + 1000)); do
        if [ "$port" -le 65535 ] && ! port_in_use "$port"; then
            echo "$port"
            return 0
        fi
    done
    echo 0
}

botapi_start() {
    botapi_token_create
    process_start botapi env PYTHONDONTWRITEBYTECODE=1 "$TOP/tests/botapi/run" --stay --port "$(botapi_port)" \
        --token-file "$DIR/keys/telegram.token" --name perch_standin_bot
}

# The address that it printed.
botapi_address() { grep -m 1 -x 'http://127\.0\.0\.1:[0-9]*' "$DIR/log/botapi.log"; }
botapi_listens() { botapi_address >/dev/null; }

# Makes sure of it, before the others are told where it is.
botapi_settings() {
    [ "$PERCH_DEV_TELEGRAM" = stand-in ] || return 0
    process_runs botapi || botapi_start
    service_await botapi botapi_listens
    local address
    address=$(botapi_address)
    echo "${address##*:}" >"$DIR/state/botapi-port"
    choose PERCH_TELEGRAM_API "$address"
    choose PERCH_TELEGRAM_TOKEN_FILE "$DIR/keys/telegram.token"
}

notifier_start() {
    # Read, not asked about: access(2) knows nothing of the capability that reads below a root's home.
    as_runner cat "$PERCH_TELEGRAM_TOKEN_FILE" >/dev/null 2>&1 ||
        die "perch-notifier cannot read PERCH_TELEGRAM_TOKEN_FILE=$PERCH_TELEGRAM_TOKEN_FILE" \
            "(as root, it runs as the user postgres)"
    process_start perch-notifier "$BUILD/perch-notifier"
}

# It has the database, and the stand-in has told it who the bot is. Telegram itself may take its time.
notifier_ready() {
    local place=$PERCH_NOTIFIER_METRICS from=() wanted=perch_notifier_ready
    [[ $place != /* ]] || from=(--unix-socket "$place") place=localhost
    [ "$PERCH_DEV_TELEGRAM" = stand-in ] || wanted=perch_notifier_database_up
    [[ $(curl -fs --max-time 10 --noproxy '*' "${from[@]}" "http://$place/metrics") == *$'\n'"$wanted 1"$'\n'* ]]
}

notifier_up() {
    [ "$PERCH_DEV_TELEGRAM" != off ] || return 0
    process_runs perch-notifier || notifier_start
    service_await perch-notifier notifier_ready
}

telegram_print() {
    [ "$PERCH_DEV_TELEGRAM" = stand-in ] || return 0
    printf '    a phone with Telegram (a stand-in) %s\n' "${BOLD}http://localhost:$(cat "$DIR/state/botapi-port")$PLAIN"
}
