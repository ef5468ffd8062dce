#!/bin/sh
# Makes sure that something on this machine compiles Rust for a web page (target wasm32-unknown-unknown).
#
# In: nothing. Out: on stdout, shell lines for `eval` (empty where rustup serves); on stderr, plainly what was done.
# It never changes the installed rustup toolchain beyond adding the target, needs no root, and touches nothing in the
# project. Two ways, in this order:
#   1. rustup: the target is installed, or can be added within 20 seconds.
#   2. Debian 12: rustc-web, the compiler that Debian carries for its browsers, unpacked into a cache folder, with the
#      standard library built once for the target from the source of exactly the same version.
# URBIS_WASM_TOOLCHAIN=rustup|debian takes one way only.
set -eu

target=wasm32-unknown-unknown
# Compiler and source must be of one version: a newer one wants both lines changed and one run of this script.
rustc_version='1.96.0+dfsg1-1~deb12u2'
llvm_version='1:22.1.8-1~deb12u1'
way=${URBIS_WASM_TOOLCHAIN:-any}
cache=${XDG_CACHE_HOME:-$HOME/.cache}/urbis/wasm-toolchain
debian=$cache/debian-$(printf '%s' "$rustc_version" | tr -c 'A-Za-z0-9.\n' '-')

say() { printf 'wasm-toolchain: %s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

with_rustup() {
    command -v rustup >/dev/null 2>&1 || { say "rustup is not installed"; return 1; }
    if rustup target list --installed 2>/dev/null | grep -qx "$target"; then
        say "rustup has $target already; using it ($(rustc --version))"
        return 0
    fi
    say "asking rustup for $target (20 seconds at most)"
    if timeout 20 rustup target add "$target" >&2; then
        say "rustup added $target; using it ($(rustc --version))"
        return 0
    fi
    say "rustup could not add $target (its server is out of reach?)"
    return 1
}

fetch_debian() {
    mkdir -p "$cache/deb"
    cd "$cache/deb"
    for wanted in "libllvm22=$llvm_version" "libstd-rust-web-1.96=$rustc_version" "libstd-rust-web-dev=$rustc_version" \
        "rust-web-src=$rustc_version" "rustc-web=$rustc_version"; do
        name=${wanted%%=*}
        version=$(printf '%s' "${wanted#*=}" | sed 's/:/%3a/')
        set -- "${name}_${version}"_*.deb
        [ -s "$1" ] && continue
        say "downloading $wanted"
        apt-get download "$wanted" >&2 || fail "apt could not download $wanted: run 'apt-get update', or set the new pinned version in $0"
    done
}

unpack_debian() {
    rm -rf "$debian.new"
    mkdir -p "$debian.new"
    for package in libllvm22 libstd-rust-web-1.96 libstd-rust-web-dev rust-web-src rustc-web; do
        for file in "$cache/deb/${package}"_*.deb; do dpkg -x "$file" "$debian.new"; done
    done
    # What the compiler links to and this machine lacks joins it in the folder.
    for lacking in libedit.so.2:libedit2 libbsd.so.0:libbsd0 libmd.so.0:libmd0 libz3.so.4:libz3-4; do
        ldconfig -p 2>/dev/null | grep -q "${lacking%%:*}" && continue
        say "downloading ${lacking#*:}, which this machine lacks"
        (cd "$cache/deb" && apt-get download "${lacking#*:}" >&2) || fail "apt could not download ${lacking#*:}"
        for file in "$cache/deb/${lacking#*:}"_*.deb; do dpkg -x "$file" "$debian.new"; done
    done
    # The package's links are absolute; ours must stay inside the folder.
    rm -rf "$debian.new/usr/lib/rustlib/src"
    mkdir -p "$debian.new/usr/lib/rustlib/src/rust"
    for source in "$debian.new"/usr/src/rustc-*/library; do ln -s "$source" "$debian.new/usr/lib/rustlib/src/rust/library"; done
    for link in $(find "$debian.new/usr/lib" -type l -lname '/usr/*' -not -path '*/src/*'); do
        ln -sf "$debian.new$(readlink "$link")" "$link"
    done
    rm -rf "$debian"
    # The links above name the unfinished folder: write them for the place where it will lie.
    find "$debian.new" -type l -lname "$debian.new/*" | while read -r link; do
        to=$(readlink "$link")
        ln -sfn "$debian${to#"$debian.new"}" "$link"
    done
    mv "$debian.new" "$debian"
    cat >"$debian/rustc" <<END
#!/bin/sh
export LD_LIBRARY_PATH='$debian/usr/lib/x86_64-linux-gnu'
exec '$debian/usr/bin/rustc' "\$@"
END
    chmod +x "$debian/rustc"
}

linker() {
    for place in "$(rustc --print sysroot 2>/dev/null)/lib/rustlib/x86_64-unknown-linux-gnu/bin/rust-lld" \
        "$(command -v rust-lld 2>/dev/null || true)" "$(command -v wasm-ld 2>/dev/null || true)"; do
        [ -x "$place" ] && { printf '%s' "$place"; return 0; }
    done
    fail "no linker for $target: neither rust-lld in the rustup toolchain nor wasm-ld (Debian package lld) was found"
}

build_std() {
    say "building the standard library for $target (once; about a minute of processor time)"
    work=$debian/std-build
    mkdir -p "$work/src"
    printf '[package]\nname = "hello"\nversion = "0.0.0"\nedition = "2021"\n[lib]\ncrate-type = ["cdylib"]\n[workspace]\n[profile.release]\nopt-level = 2\n' >"$work/Cargo.toml"
    printf '#[unsafe(no_mangle)]\npub extern "C" fn hello() -> u32 { "hello".len() as u32 }\n' >"$work/src/lib.rs"
    (cd "$work" && env RUSTC="$debian/rustc" RUSTC_BOOTSTRAP=1 RUSTFLAGS= CARGO_TARGET_DIR="$work/target" \
        CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER="$1" \
        cargo build --release --target "$target" -Zbuild-std=std,panic_abort >&2) || fail "the standard library could not be built; see above"
    lib=$debian/usr/lib/rustlib/$target/lib
    mkdir -p "$lib"
    cp "$work/target/$target/release/deps/"lib*.rlib "$lib/"
    rm -f "$lib"/libhello*.rlib
    rm -rf "$work"
    touch "$debian/ready"
}

with_debian() {
    [ "$(uname -m)" = x86_64 ] || fail "the Debian way is for x86_64 only"
    command -v apt-get >/dev/null 2>&1 && command -v dpkg >/dev/null 2>&1 || fail "the Debian way needs apt-get and dpkg"
    lld=$(linker)
    if [ ! -e "$debian/ready" ]; then
        # One at a time: two builds may start together.
        mkdir -p "$cache"
        exec 9>"$cache/lock"
        flock 9
    fi
    if [ ! -e "$debian/ready" ]; then
        (fetch_debian)
        unpack_debian
        build_std "$lld"
    fi
    say "using Debian's $("$debian/rustc" --version) in $debian"
    printf "export RUSTC='%s'\nexport CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER='%s'\n" "$debian/rustc" "$lld"
}

case $way in
any) with_rustup || with_debian ;;
rustup) with_rustup ;;
debian) with_debian ;;
*) fail "URBIS_WASM_TOOLCHAIN is '$way': say rustup or debian, or leave it unset" ;;
esac
