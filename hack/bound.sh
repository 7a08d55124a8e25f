#!/usr/bin/env bash
# Runs a command so that nothing of it stays when its starter ends, however that ends.
#
#   hack/bound.sh COMMAND [ARGUMENT...]
#
# The command gets a process group of its own. Signals are passed on to the group; a watcher
# outside it ends the group when this script or its starter (make) is gone, SIGKILL included. Linux.
set -uo pipefail
starter=$PPID
self=$$

{ : <&0; } 2>/dev/null || exec </dev/null # A runner may have closed it.
set -m # Each background job leads a process group.
"$@" <&0 &
group=$!

end_group() {
    kill -TERM -- "-$group"
    for _ in {1..100}; do
        kill -0 -- "-$group" || return
        sleep 0.1
    done
    kill -KILL -- "-$group"
}

# An orphan has another parent. Asking whether the starter exists would take a zombie for alive.
has_starter() {
    local parent
    read -r _ _ _ parent _ <"/proc/$self/stat" && [[ $parent == "$starter" ]]
}

watch() {
    while has_starter; do sleep 0.5; done
    end_group
}
watch </dev/null >/dev/null 2>&1 &
watcher=$!
disown # Its end is no news.
set +m

for signal in INT TERM HUP; do
    # shellcheck disable=SC2064 # The signal of this turn is meant.
    trap "kill -$signal -- -$group 2>/dev/null" "$signal"
done

# A trapped signal ends `wait` early; only then the command is still there.
wait "$group" 2>/dev/null
status=$?
while kill -0 "$group" 2>/dev/null; do
    wait "$group" 2>/dev/null
    status=$?
done
kill -KILL -- "-$watcher" 2>/dev/null
end_group 2>/dev/null
exit "$status"
