# Sourced by scripts/postgres: PostgreSQL from Debian's other suites, which this
# machine's own apt does not know. An apt of its own asks the same mirror, so that
# the machine's sources stay as they are.
# shellcheck shell=bash disable=SC2154

# Where Debian has a version, besides the machine's own suite.
suites_of() {
    case $1 in
    15) echo bookworm ;;
    17) echo trixie ;;
    18) echo sid ;;
    19) echo sid experimental ;;
    *) return 1 ;;
    esac
}

# The mirror and keyring of this machine's own Debian sources: "URI KEYRING".
debian_mirror() {
    local files=() file
    for file in /etc/apt/sources.list.d/*.sources; do
        [ -e "$file" ] && files+=("$file")
    done
    if [ ${#files[@]} -gt 0 ]; then
        awk 'BEGIN {RS = ""; FS = "\n"}
             {
                 uri = suites = key = ""
                 for (i = 1; i <= NF; i++) {
                     n = split($i, word, /[ \t]+/)
                     if (word[1] == "URIs:") uri = word[2]
                     if (word[1] == "Suites:") suites = " " substr($i, 8) " "
                     if (word[1] == "Signed-By:") key = word[2]
                 }
                 if (uri != "" && suites ~ (" " suite "[ \t]")) {print uri, key; exit}
             }' suite="$VERSION_CODENAME" "${files[@]}"
    fi
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
        [ -e "$file" ] || continue
        awk '$1 == "deb" {
                 key = ""
                 if (match($0, /signed-by=[^] \t]+/)) key = substr($0, RSTART + 10, RLENGTH - 10)
                 sub(/\[[^]]*\]/, "")
                 if ($3 == suite) {print $2, key; exit}
             }' suite="$VERSION_CODENAME" "$file"
    done
}

# own_apt KIND SUITE...: sets $apt and $apt_cache, which know of these suites and of
# nothing that is installed here. KIND is deb or deb-src.
own_apt() {
    local kind=$1 mirror keyring own=$scratch/apt options
    have_apt && [ "$(. /etc/os-release && echo "$ID")" = debian ] || return 1
    VERSION_CODENAME=$(. /etc/os-release && echo "$VERSION_CODENAME")
    read -r mirror keyring < <(debian_mirror) || true
    [ -n "$mirror" ] || { say "no Debian mirror in this machine's apt sources"; return 1; }
    if [ -z "$keyring" ]; then
        keyring=/usr/share/keyrings/debian-archive-keyring.gpg
    fi
    mkdir -p "$own/lists/partial" "$own/cache/archives/partial"
    printf 'Types: %s\nURIs: %s\nSuites: %s\nComponents: main\nSigned-By: %s\n' \
        "$kind" "$mirror" "${*:2}" "$keyring" >"$own/debian.sources"
    # The sandbox user could not write into the scratch directory.
    options=(-q -o "Dir::Etc::SourceList=$own/debian.sources" -o Dir::Etc::SourceParts=/dev/null
        -o "Dir::State::Lists=$own/lists" -o "Dir::Cache=$own/cache" -o Dir::State::Status=/dev/null
        -o Acquire::Languages=none -o APT::Sandbox::User=)
    apt=(apt-get "${options[@]}")
    apt_cache=(apt-cache "${options[@]}")
    # A suite that does not answer may not be the one that has the version.
    "${apt[@]}" update || true
}

# The shared libraries that the packages named need, and what those need in turn.
# LLVM's is larger than all the rest, and only speeds up long queries.
libraries_of() {
    local next=("$@") found=() package
    while [ ${#next[@]} -gt 0 ]; do
        mapfile -t next < <("${apt_cache[@]}" depends --important "${next[@]}" |
            awk '$1 ~ /^\|?Depends:$/ && !choice && $2 ~ /^lib/ && $2 !~ /^libllvm/ {print $2}
                 {choice = $1 ~ /^\|/}' | sort -u)
        for package in "${!next[@]}"; do
            case " ${found[*]} " in
            *" ${next[package]} "*) unset "next[package]" ;;
            *) found+=("${next[package]}") ;;
            esac
        done
    done
    printf '%s\n' "${found[@]}"
}

# Versions of the C library: this machine's, and that of what was downloaded.
own_libc() { getconf GNU_LIBC_VERSION | awk '{print $2}'; }

# Debian's binary packages, unpacked together with the libraries that they want. Each
# program gets a script in its place, which starts it with those libraries. Of the
# C library the newer one serves: the extension is built with this machine's, the
# server with the other suite's.
from_debs() {
    local version=$1 home=$LOADER_DEV/deb$1 suites
    suites=$(suites_of "$version") || return 1
    pg_config=$home/usr/lib/postgresql/$version/bin/pg_config
    [ "$(cat "$home/stamp" 2>/dev/null)" = "$(own_libc)" ] && serves "$pg_config" "$version" && return 0

    # The server's time zones are the system's.
    [ -d /usr/share/zoneinfo ] || apt_install tzdata || return 1
    say "unpacking PostgreSQL $version from Debian's packages ($suites)"
    scratch=$(mktemp -d)
    # A shell of its own, so that the first failure ends it.
    (set -e; unpack_debs "$version" "$home" "$suites") >"$LOADER_DEV/deb$version.log" 2>&1 &
    if ! wait $!; then
        say "unpacking PostgreSQL $version failed, see $LOADER_DEV/deb$version.log"
        rm -rf "$scratch" "$home.new"
        return 1
    fi
    rm -rf "$scratch" "$home"
    mv "$home.new" "$home"
    serves "$pg_config" "$version"
}

unpack_debs() {
    local version=$1 home=$2.new packages wanted package file loader=
    read -ra wanted <<<"$3"
    own_apt deb "${wanted[@]}"
    packages=("postgresql-$version" "postgresql-client-$version")
    mapfile -t wanted < <(libraries_of "${packages[@]}")
    mkdir "$scratch/debs"
    cd "$scratch/debs"
    "${apt[@]}" download "${packages[@]}" "postgresql-server-dev-$version" "${wanted[@]}"

    file=$(dpkg-deb -f libc6_*.deb Version)
    if version_at_least "$(own_libc)" "${file%%-*}"; then
        rm -f libc6_*.deb libgcc-s1_*.deb
    fi
    rm -rf "$home"
    mkdir -p "$home"
    for file in *.deb; do
        dpkg-deb -x "$file" "$home"
    done
    # llvmjit.so without LLVM would be an error, and no llvmjit.so is none.
    rm -rf "$home"/usr/share/{doc,man,locale} "$home/usr/lib/postgresql/$version/lib/"{bitcode,llvmjit*}

    # The program that starts programs comes with the C library.
    for file in "$home"/{,usr/}lib/*-linux-gnu/ld-linux-*.so.*; do
        if [ -f "$file" ]; then loader=${file#"$home"}; fi
    done
    find "$home/usr/lib/postgresql/$version" -type f -perm -u+x ! -name '*.so' | while read -r file; do
        [ "$(head -c 4 "$file" | tail -c 3)" = ELF ] || continue
        start_with_libraries "$home" "$file" "$loader"
    done
    chmod -R a+rX "$home"
    own_libc >"$home/stamp"
}

# start_with_libraries HOME PROGRAM LOADER: a script takes the program's place. Paths
# are relative, so that the folder may be moved. An environment variable would reach
# what the program starts, too: the system's shell, with the other C library.
start_with_libraries() {
    local home=$1 program=$2 loader=$3 libraries='' place up folder
    folder=$(dirname "$program")
    up=${folder#"$home"}
    # As many steps up as there are folders below HOME.
    up=$(printf '%s' "${up//[!\/]/}" | sed 's,/,/..,g')
    if [ -n "$loader" ]; then
        loader="\$home$loader"
    else
        loader=$(compgen -G '/lib*/ld-linux-*.so.*' | head -n 1)
    fi
    for place in "$home"/{usr/,}lib/*-linux-gnu; do
        [ -d "$place" ] && libraries+=${libraries:+:}\$home${place#"$home"}
    done
    mkdir -p "$folder/programs"
    mv "$program" "$folder/programs/"
    cat >"$program" <<PROGRAM
#!/bin/sh
home=\${0%/*}$up
exec "$loader" --library-path "$libraries" --argv0 "\$0" "\${0%/*}/programs/${program##*/}" "\$@"
PROGRAM
    chmod 755 "$program"
}

# Contributed modules that the tests use, where they are at hand.
CONTRIB=(amcheck dblink file_fdw postgres_fdw)

# Builds Debian's source package.
from_source() {
    local version=$1 suites home=$LOADER_DEV/pg$1
    suites=$(suites_of "$version") || return 1
    pg_config=$home/bin/pg_config
    serves "$pg_config" "$version" && return 0
    have_apt || return 1
    apt_install gcc libc6-dev make bison flex perl dpkg-dev bzip2 xz-utils || return 1

    say "building PostgreSQL $version from Debian's source ($suites; some minutes)"
    scratch=$(mktemp -d)
    (set -e; build_source "$version" "$home" "$suites") >"$LOADER_DEV/pg$version.log" 2>&1 &
    if ! wait $!; then
        say "building PostgreSQL $version failed, see $LOADER_DEV/pg$version.log"
        rm -rf "$scratch" "$home.new"
        return 1
    fi
    rm -rf "$scratch" "$home"
    # Relocatable: it finds its parts relative to its binaries.
    mv "$home.new" "$home"
    chmod -R a+rX "$home"
    serves "$pg_config" "$version"
}

build_source() {
    local version=$1 home=$2 suites module
    read -ra suites <<<"$3"
    mkdir "$scratch/source"
    cd "$scratch/source"
    own_apt deb-src "${suites[@]}"
    "${apt[@]}" source --download-only "postgresql-$version"
    tar xf "postgresql-${version}_"*.orig.tar.*
    cd "postgresql-$version"*/
    ./configure --quiet --prefix="$home.new" --without-icu --without-readline --without-zlib
    make --silent -j"$(nproc)"
    make --silent install
    for module in "${CONTRIB[@]}"; do
        make --silent -C "contrib/$module" install
    done
}
