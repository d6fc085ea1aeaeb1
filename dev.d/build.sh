# shellcheck shell=bash
# Building, never in the source folder.

# build FOLDER TITLE CONFIGURE-OPTION…: autoreconf and configure only where needed, then make (what MAKE_TARGETS
# names, else everything).
build() {
    local folder=$1 title=$2 log_folder=$DIR/log wanted
    shift 2
    mkdir -p "$folder" "$log_folder"
    exec {build_lock}<"$TOP/configure.ac"
    flock "$build_lock"
    if build_scripts_stale; then
        quietly "Generating configure" "$log_folder/autoreconf.log" autoreconf --force --install "$TOP"
    fi
    # A folder that was made from another checkout, or with other options, knows the wrong paths.
    wanted="$TOP $*"
    if [ ! -e "$folder/config.status" ] || [ "$(cat "$folder/.made-by" 2>/dev/null)" != "$wanted" ]; then
        find "$folder" -mindepth 1 -delete
        quietly "Configuring $title" "$log_folder/configure.log" \
            env -C "$folder" "$TOP/configure" "$@"
        echo "$wanted" >"$folder/.made-by"
    fi
    quietly "Building $title" "$log_folder/make.log" make -C "$folder" -j"$(nproc)" "${MAKE_TARGETS[@]:-all}"
    exec {build_lock}<&-
}

build_scripts_stale() {
    [ -e "$TOP/configure" ] && [ -e "$TOP/Makefile.in" ] && [ -e "$TOP/aclocal.m4" ] || return 0
    local inputs=("$TOP/configure.ac" "$TOP/Makefile.am" "$TOP"/*/Makemodule.am "$TOP"/m4/*.m4)
    [ -n "$(find "${inputs[@]}" \( -newer "$TOP/configure" -o -newer "$TOP/Makefile.in" \) -print -quit)" ]
}
