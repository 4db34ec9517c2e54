# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2034
# Read by base-root and run-tests, of both of which the first argument is a suite, and by others: where roots are
# kept, where packages come from, how to give up, and how to run a command that leaves nothing behind.
name=${0##*/}
suite=${1:-}
cache=${ORDERS_TEST_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/orders-tests}
tarball=$cache/$suite.tar
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

# repository LABEL: the first of Debian with this label that apt reaches by HTTP, as debootstrap can too.
repository() {
    # shellcheck disable=SC2016 # apt fills it in
    apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' "Label: $1" 2>/dev/null |
        sed -n '/^https\{0,1\}:/{s|/*$||;p;q;}'
}

# await SIGNAL COMMAND...: runs a command that gets the signal when this script ends, even if that was
# killed outright. In the background, because a shell with a command in the foreground hears no signal.
await() {
    setpriv --pdeathsig "$@" &
    wait "$!"
}

# Runs a command with processes and mounts of its own, which all end with it, and with this script.
contain() {
    setpriv --pdeathsig KILL unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc "$@" &
    child=$!
    contained=0
    wait "$child" || contained=$?
    child=""
    return "$contained"
}

# Ends the first process of the namespace, and with it the others; unshare waits for all of them.
release() {
    [ -n "$child" ] || return 0
    first=$(cat "/proc/$child/task/$child/children" 2>/dev/null) || first=""
    # shellcheck disable=SC2086
    kill -KILL ${first:-$child} 2>/dev/null || true
    wait "$child" 2>/dev/null || true
    child=""
}

# on_end COMMAND: runs it whichever way this script ends, but for SIGKILL.
on_end() {
    # shellcheck disable=SC2064
    trap "$1" EXIT
    trap 'exit 129' HUP
    trap 'exit 130' INT
    trap 'exit 143' TERM
}

# lock NAME: until the end of this script and of all it started, nobody else gets this lock.
lock() {
    mkdir -p "$cache"
    exec 9>"$cache/$1.lock"
    flock -n 9 || {
        say "waiting for another run that uses $cache/$1"
        await KILL flock 9
    }
}

check_machine() {
    case $suite in
    "" | *[!a-z]*) fail "a Debian suite must be named, for instance: $name trixie" ;;
    esac
    [ "$(id -u)" -eq 0 ] || cannot "a Debian root needs root's rights"
    unshare --mount --pid --ipc --uts --fork --mount-proc true 2>/dev/null ||
        cannot "no right to make namespaces here (in a container it must be a privileged one)"
}
