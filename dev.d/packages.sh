# shellcheck shell=bash
# Debian packages: what is missing is installed.

# To build and to run. python3-aiohttp is for the stand-in for Telegram; python3-yaml makes openapi.json;
# it, libcmocka-dev, clang-format and mandoc are for `make check`, and configure wants them; curl is what speaks HTTP here.
# shellcheck disable=SC2034 # in use in the other parts
PACKAGES_UP=(
    autoconf automake pkgconf gcc make libc6-dev
    libfcgi-dev libpq-dev libhiredis-dev libjson-c-dev libjwt-dev libevent-dev libcurl4-openssl-dev libsodium-dev
    libutf8proc-dev libqrencode-dev libbsd-dev uthash-dev libcmocka-dev python3 python3-aiohttp python3-yaml
    clang-format mandoc
    postgresql redis-server nginx sqitch libdbd-pg-perl curl ca-certificates
)
# shellcheck disable=SC2034
PACKAGES_CHECK=(
    clang libclang-rt-14-dev shellcheck xz-utils
    python3-pytest python3-pytest-xdist python3-pytest-timeout python3-pytest-random-order python3-hypothesis
    python3-psycopg python3-redis python3-requests python3-jsonschema python3-selenium python3-zbar
    chromium chromium-driver fonts-dejavu-core
    libnginx-mod-nchan faketime
)

# packages_need PACKAGE…: install those that are missing.
packages_need() {
    local missing
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || die "this is not Debian; please install: $missing"

    local root=()
    if [ "$EUID" -ne 0 ]; then
        command -v sudo >/dev/null || die "please install, as root: apt-get install $missing"
        root=(sudo)
    fi
    # Not in DIR: as root that may be a folder of somebody else's making.
    local log
    log=$(mktemp /tmp/perch-apt-XXXXXX.log)
    fold -s -w 96 <<<"$missing" | sed 's/^/    /' >&2
    # shellcheck disable=SC2086
    quietly "Installing $(wc -w <<<"$missing") Debian packages ${root:+with sudo }and what they need" "$log" \
        "${root[@]}" bash "$TOP/dev.d/apt-install" $missing
    missing=$(packages_missing "$@")
    [ -z "$missing" ] || die "still not installed: $missing; apt's output: $log"
    rm -f "$log"
}

packages_missing() {
    local installed package
    installed=$(dpkg-query -W -f '${Package} ${db:Status-Status}\n' "$@" 2>/dev/null || :)
    for package; do
        grep -qxF "$package installed" <<<"$installed" || echo "$package"
    done | tr '\n' ' '
}
