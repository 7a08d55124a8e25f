#!/bin/sh
# Runs a command that ends with the process that started this script.
#
#   lifeline.sh DIRECTORY GRACE COMMAND [ARGUMENT...]
#
# The starter has the write end of a pipe that is this script's standard input.
# When the starter ends, also by SIGKILL, the kernel closes that pipe. The script
# then sends SIGTERM to the command, kills it if it still runs after GRACE
# seconds, and removes DIRECTORY (unless it is empty text). With setpriv (Linux),
# the kernel also kills the command if this script is killed. The kernel sends
# that signal at the end of the thread that started the process, so a script
# starts the command and not a thread of the starter.
set -u

directory=$1
grace=$2
shift 2

bound() {
    if command -v setpriv >/dev/null 2>&1; then exec setpriv --pdeathsig KILL "$@"; fi
    exec "$@"
}

# The script forwards signals. The traps must exist before the command is ready for a signal.
command=
for signal in TERM INT HUP USR1 USR2; do
    # shellcheck disable=SC2064 # The signal is expanded now, the command later.
    trap "kill -$signal \"\${command:-\$!}\" 2>/dev/null" "$signal"
done

# Without this, the shell would connect a background command to /dev/null instead of the pipe.
exec 3<&0 </dev/null
bound "$@" <&3 3<&- &
command=$!

end_with_input() {
    while read -r _; do :; done
    kill -TERM "$command"
    tenths=0
    while [ "$tenths" -lt $((grace * 10)) ] && kill -0 "$command"; do
        sleep 0.1
        tenths=$((tenths + 1))
    done
    kill -KILL "$command"
}
end_with_input <&3 >/dev/null 2>&1 &
watcher=$!

# A trapped signal ends `wait` early. Only in that case the command still runs.
wait "$command"
status=$?
while kill -0 "$command" 2>/dev/null; do
    wait "$command"
    status=$?
done
# Not TERM, because a watcher that still has the traps above would ignore it.
kill -KILL "$watcher" 2>/dev/null
if [ -n "$directory" ]; then rm -rf -- "$directory"; fi
exit "$status"
