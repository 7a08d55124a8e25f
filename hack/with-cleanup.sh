#!/usr/bin/env bash
# Runs a command, and ends all its processes when the command or the caller of this script ends.
#
#   hack/with-cleanup.sh COMMAND [ARGUMENT...]
#
# The command gets its own process group. This script forwards signals to the group. A watcher process outside the
# group ends the group when this script or its caller (make) ends, even by SIGKILL. Linux only.
set -uo pipefail
caller=$PPID
self=$$

{ : <&0; } 2>/dev/null || exec </dev/null # Standard input may be closed, for example in CI.
set -m # Each background job gets its own process group.
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

# Compares the parent of this script with its caller: an orphan gets another parent. `kill -0` would also succeed for
# a zombie.
has_caller() {
    local parent
    read -r _ _ _ parent _ <"/proc/$self/stat" && [[ $parent == "$caller" ]]
}

watch() {
    while has_caller; do sleep 0.5; done
    end_group
}
watch </dev/null >/dev/null 2>&1 &
watcher=$!
disown # Otherwise bash reports the end of the watcher.
set +m

for signal in INT TERM HUP; do
    # shellcheck disable=SC2064 # $signal must expand now.
    trap "kill -$signal -- -$group 2>/dev/null" "$signal"
done

# A trapped signal interrupts `wait`. In that case the command still runs, so wait again.
wait "$group" 2>/dev/null
status=$?
while kill -0 "$group" 2>/dev/null; do
    wait "$group" 2>/dev/null
    status=$?
done
kill -KILL -- "-$watcher" 2>/dev/null
end_group 2>/dev/null
exit "$status"
