# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Read by base-root and run-tests: where roots are kept, how to give up, and how to run a command that
# leaves nothing behind.
name=${0##*/}
cache=${ORDERS_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/orders-tests}
child=""
# What debootstrap and chroot need is not in every PATH.
PATH=$PATH:/usr/sbin:/sbin
export PATH

say() {
    echo "$name: $*" >&2
}

fail() {
    say "$@"
    exit 1
}

# This machine cannot do it: 77 means "skipped" to ctest, unless everything was asked for.
cannot() {
    say "$@"
    [ -z "${ORDERS_REQUIRE_ALL:-}" ] || exit 1
    exit 77
}

# Runs a command with its own processes and mounts. All of them end with it, with this script, even when
# that is killed outright, and with a call of release. In the background, because a shell that
# waits for a command in the foreground hears no signal.
contain() {
    setpriv --pdeathsig KILL unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc "$@" &
    child=$!
    contained=0
    wait "$child" || contained=$?
    child=""
    return "$contained"
}

release() {
    [ -z "$child" ] || kill -KILL "$child" 2>/dev/null || true
    child=""
}

# The last processes may still be writing for a moment after release.
remove() {
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        rm -rf -- "$@" 2>/dev/null && return 0
        sleep 0.1
    done
    rm -rf -- "$@"
}

# lock NAME: until the end of this script and of all it started, nobody else gets this lock.
lock() {
    mkdir -p "$cache"
    exec 9>"$cache/$1.lock"
    flock -n 9 || {
        say "waiting for another run that uses $cache/$1"
        flock 9
    }
}

check_machine() {
    case ${1:-} in
    "" | *[!a-z]*) fail "a Debian suite must be named, for instance: $name trixie" ;;
    esac
    [ "$(id -u)" -eq 0 ] || cannot "a Debian root needs root's rights"
    unshare --mount --pid --ipc --uts --fork --mount-proc true 2>/dev/null ||
        cannot "no right to make namespaces here (in a container it must be a privileged one)"
}
