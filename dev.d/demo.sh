# shellcheck shell=bash
# The accounts alice and bob: two people to try it with.

# Made once for each DIR. The file keeps the passwords: "name password" lines.
demo_accounts_create() {
    local file=$DIR/demo-accounts name password status address=1
    [ ! -e "$file" ] || return 0
    [ -e "$file.new" ] || (umask 077 && for name in alice bob; do
        echo "$name $(head -c 9 /dev/urandom | base64 | tr +/ -_)"
    done >"$file.new")
    while read -r name password; do
        # From loopback addresses of their own: they leave the registrations per minute to the people.
        address=$((address + 1))
        status=$(curl -sS --interface "127.0.0.$address" -o /dev/null -w '%{http_code}' --max-time 20 \
            -H 'Content-Type: application/json' -H "Origin: http://127.0.0.1:$PORT" \
            -d @- "http://127.0.0.1:$PORT/api/v1/accounts" \
            <<<"{\"username\":\"$name\",\"password\":\"$password\"}" 2>&1 || :)
        case $status in
            201) ;;
            409) say "    The account $name is there already." ;;
            *) warn "the demo account $name was not created ($status); the next ./dev up tries again" && return 0 ;;
        esac
    done <"$file.new"
    mv "$file.new" "$file"
}

demo_accounts_print() {
    [ -e "$DIR/demo-accounts" ] || return 0
    local name password
    while read -r name password; do
        printf '    log in as %-6s password %s\n' "$name" "$password"
    done <"$DIR/demo-accounts"
}
