# Sourced by the other scripts: where things live, and the few words they share.
# shellcheck shell=bash disable=SC2034

# What cargo, pgrx and pgrx-tests are pinned to; Cargo.toml names the same.
PGRX_VERSION=0.19.3
# The oldest compiler that pgrx 0.19 accepts.
RUST_MINIMUM=1.96
# The PostgreSQL versions that the README claims, and those that are built and tested
# where they can be had.
PG_CLAIMED=(15 16 17 18)
PG_SUPPORTED=("${PG_CLAIMED[@]}" 19)

# The words of programs are read: none of them translated. A rustup toolchain is
# chosen below. What is made is for the user that servers run as, too.
export LC_ALL=C
unset LANGUAGE RUSTUP_TOOLCHAIN
umask 022

# Clusters and sample files take some hundred megabytes: /tmp may be in memory. The
# path of a socket has room for some 100 bytes.
TMPDIR=${TMPDIR:-/var/tmp}
if [ ${#TMPDIR} -gt 60 ] || ! [ -d "$TMPDIR" ]; then
    TMPDIR=/var/tmp
fi
export TMPDIR

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Everything that the scripts install outside the package manager.
if [ -z "${LOADER_DEV:-}" ]; then
    if [ "$(id -u)" = 0 ]; then
        LOADER_DEV=/var/cache/loader-dev
    else
        LOADER_DEV=${XDG_CACHE_HOME:-$HOME/.cache}/loader-dev
    fi
fi
case $LOADER_DEV in
*[[:space:]]*) printf 'error: LOADER_DEV has a blank in it: %s\n' "$LOADER_DEV" >&2 && exit 1 ;;
esac
export LOADER_DEV
export PGRX_HOME=$LOADER_DEV/pgrx
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$ROOT/target}

say() { printf '%s\n' "$*" >&2; }
die() { say "error: $*"; exit 1; }

as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "cannot run as root (no sudo): $*"
        return 1
    fi
}

# A server refuses to run as root: root hands its clusters to this user.
SERVER_USER=postgres
as_server_user() {
    if [ "$(id -u)" = 0 ]; then
        runuser -u "$SERVER_USER" -- "$@"
    else
        "$@"
    fi
}

ensure_server_user() {
    [ "$(id -u)" = 0 ] || return 0
    id "$SERVER_USER" >/dev/null 2>&1 ||
        useradd --system --home-dir /nonexistent --no-create-home --shell /bin/sh "$SERVER_USER"
}

have_apt() { command -v apt-get >/dev/null; }

# The package lists are fetched once a run, and only when something is missing.
apt_update() {
    [ -n "${APT_UPDATED:-}" ] && return 0
    as_root apt-get update -q >&2 || say "warning: apt-get update failed, going on with the old lists"
    APT_UPDATED=1
    export APT_UPDATED
}

apt_has() {
    compgen -G '/var/lib/apt/lists/*Packages*' >/dev/null || apt_update
    [ -n "$(apt-cache policy "$1" 2>/dev/null | awk '/Candidate:/ && $2 != "(none)"')" ]
}

apt_installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# Installs the packages named that are not there yet.
apt_install() {
    local package missing=()
    for package in "$@"; do
        apt_installed "$package" || missing+=("$package")
    done
    [ ${#missing[@]} = 0 ] && return 0
    have_apt || { say "no apt-get here; please install by hand: ${missing[*]}"; return 1; }
    apt_update
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -q --no-install-recommends "${missing[@]}" >&2
}

# version_at_least 1.97.0 1.96
version_at_least() { [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$2" ]; }

# rust_is_new_enough DIR: DIR holds a cargo and a rustc that serve.
rust_is_new_enough() {
    local version
    [ -x "$1/cargo" ] && [ -x "$1/rustc" ] || return 1
    version=$("$1/rustc" --version 2>/dev/null | awk '{print $2}')
    [ -n "$version" ] && version_at_least "${version%%-*}" "$RUST_MINIMUM"
}

# The bin directories of all toolchains at hand, the preferred first. One that
# rustup manages is named by its own directory: the rustup proxies on PATH may
# stand for an older one.
rust_directories() {
    local toolchain directory
    directory=$(dirname "$(command -v cargo || echo /usr/bin/cargo)")
    echo "$directory"
    echo /usr/bin
    if command -v rustup >/dev/null; then
        for toolchain in $(rustup toolchain list 2>/dev/null | awk '{print $1}' | sort -Vr); do
            directory=$(rustup run "$toolchain" rustc --print sysroot 2>/dev/null) || continue
            echo "$directory/bin"
        done
    fi
}

find_rust() {
    local directory
    while read -r directory; do
        if rust_is_new_enough "$directory"; then
            echo "$directory"
            return 0
        fi
    done < <(rust_directories)
    return 1
}

# Puts the toolchain and cargo-pgrx in front of PATH. CARGO_HOME/bin stays on
# it, at the end: cargo puts it first when it is missing.
use_toolchain() {
    local directory
    directory=$(find_rust) || die "no Rust >= $RUST_MINIMUM: run scripts/toolchain"
    export PATH=$LOADER_DEV/bin:$directory:$PATH:${CARGO_HOME:-$HOME/.cargo}/bin
}

# copy_earlier_versions PG_CONFIG [FOLDER [PREFIX]]: what earlier versions made, for
# CREATE EXTENSION ... VERSION. pgrx copies what leads from one version to another,
# and no other scripts. PREFIX is a command to run it with.
copy_earlier_versions() {
    local script extension
    extension=${2:-}$("$1" --sharedir)/extension
    for script in "$ROOT"/sql/loader--*.sql; do
        [[ ${script##*/} == *--*--* ]] || ${3:-} install -m 644 "$script" "$extension"
    done
}

# The version of the extension, as Cargo.toml has it.
loader_version() { sed -n '/^\[workspace.package\]/,/^$/s/^version = "\(.*\)"/\1/p' "$ROOT/Cargo.toml"; }

# major_version PG_CONFIG: 17.
major_version() {
    [[ $("$1" --version) =~ ^PostgreSQL\ ([0-9]+) ]] || die "$1 does not answer like a pg_config"
    echo "${BASH_REMATCH[1]}"
}

# stage PG_CONFIG LIBRARIES EXTENSION: builds for release, and puts the library into the first
# folder, the control file and the SQL scripts into the second. Where the server of PG_CONFIG
# has them does not matter.
stage() {
    local built
    built=$(mktemp -d)
    "$ROOT/scripts/install" "$1" "$built" >&2
    install -d -m 755 "$2" "$3"
    install -m 644 "$built$("$1" --pkglibdir)/loader.so" "$2/"
    install -m 644 "$built$("$1" --sharedir)/extension"/loader* "$3/"
    rm -rf "$built"
    strip --strip-unneeded "$2/loader.so"
}

# The time of the last commit, so that the same commit makes the same package.
commit_time() { git -C "$ROOT" log -1 --format=%ct 2>/dev/null || date +%s; }

# pg_config_of 15: the pg_config that scripts/postgres wrote down.
pg_config_of() {
    awk -v version="$1" '$1 == version {print $2}' "$LOADER_DEV/postgres.list" 2>/dev/null
}
