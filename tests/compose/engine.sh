# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# Sourced by with-engine: starts a Docker engine where none runs, and removes what earlier runs have left in any engine.
#
# The engine, its containers and its mounts live in namespaces that end with it, and it ends with the script, even after
# kill -9. It changes the machine's bridges and firewall rules. Their earlier state is saved in a file until it is
# restored, so that the next run can restore it if this one is killed.
engine=""
before=$cache/docker.before

save_machine() {
    [ ! -e "$before" ] || restore_machine
    {
        echo "ip_forward=$(cat /proc/sys/net/ipv4/ip_forward)"
        echo "forward_ipv4='$(iptables -S FORWARD 2>/dev/null | head -n 1)'"
        echo "forward_ipv6='$(ip6tables -S FORWARD 2>/dev/null | head -n 1)'"
        echo "bridges='$(ls -d /sys/class/net/docker0 2>/dev/null)'"
    } >"$before.new"
    mv "$before.new" "$before"
}

# Takes out the engine's chains, rules and bridges, and leaves what others have added meanwhile.
restore_machine() {
    ip_forward="" forward_ipv4="" forward_ipv6="" bridges=""
    # shellcheck source=/dev/null
    . "$before"
    for family in iptables ip6tables; do
        $family-save 2>/dev/null | grep -Ev 'DOCKER|docker0|br-[0-9a-f]{12}|-s ([0-9.]+)/32 -d \1/32 .*MASQUERADE' |
            $family-restore 2>/dev/null || true
    done
    # shellcheck disable=SC2086 # "-P FORWARD ACCEPT"
    [ -z "$forward_ipv4" ] || iptables $forward_ipv4
    # shellcheck disable=SC2086
    [ -z "$forward_ipv6" ] || ip6tables $forward_ipv6
    echo "$ip_forward" >/proc/sys/net/ipv4/ip_forward
    for bridge in $(ip -o link show type bridge | grep -Eo 'br-[0-9a-f]{12}|docker0' | sort -u); do
        [ "$bridge" = docker0 ] && [ -n "$bridges" ] || ip link delete "$bridge"
    done
    rm "$before"
}

engine_start() {
    [ "$(id -u)" -eq 0 ] || cannot "no Docker engine answers, and only root can start one"
    command -v dockerd >/dev/null || cannot "no Docker engine is installed; ./dev test compose installs one"
    # What it keeps is made anew now and then.
    [ -z "$(find "$cache/docker.made" -mtime +30 2>/dev/null)" ] || rm -rf "$cache/docker" "$cache/docker.made"
    [ -e "$cache/docker.made" ] || touch "$cache/docker.made"
    save_machine
    export DOCKER_HOST="unix://$work/docker.sock"
    setpriv --pdeathsig KILL unshare --mount --pid --ipc --uts --fork --kill-child --mount-proc \
        dockerd --data-root "$cache/docker" --exec-root "$work/exec" -p "$work/pid" -H "$DOCKER_HOST" \
        >"$work/engine.log" 2>&1 9>&- &
    engine=$!
    for _ in $(seq 600); do
        ! docker info >/dev/null 2>&1 || return 0
        kill -0 "$engine" 2>/dev/null || break
        sleep 0.1
    done
    tail -n 20 "$work/engine.log" >&2
    cannot "the Docker engine does not start"
}

engine_stop() {
    [ -n "$engine" ] || return 0
    first=$(cat "/proc/$engine/task/$engine/children" 2>/dev/null) || first=""
    # shellcheck disable=SC2086
    kill ${first:-$engine} 2>/dev/null || true
    wait "$engine" 2>/dev/null || true
    restore_machine
}

# ours: keeps the names whose project is one of the tests'.
ours() {
    sed -n 's/ orders-test-[0-9]*$//p'
}

# Compositions of tests that did not come to take them down, in whichever engine.
engine_remove_compositions() {
    label=com.docker.compose.project
    docker ps -a --filter label=$label --format "{{.ID}} {{.Label \"$label\"}}" | ours |
        xargs -r docker rm -fv >/dev/null
    docker volume ls --filter label=$label --format "{{.Name}} {{.Label \"$label\"}}" | ours |
        xargs -r docker volume rm >/dev/null
    docker network ls --filter label=$label --format "{{.ID}} {{.Label \"$label\"}}" | ours |
        xargs -r docker network rm >/dev/null
}
