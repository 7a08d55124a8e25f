#!/bin/sh
# Ties a command to the life of the process that started this script.
#
#   lifeline.sh DIRECTORY GRACE COMMAND [ARGUMENT...]
#
# The starter holds the write end of a pipe that is this script's standard
# input. However the starter ends, SIGKILL included, the kernel closes that pipe:
# the command is then asked to end, killed if it is still there after GRACE
# seconds, and DIRECTORY (unless empty) is removed. Where there is setpriv (Linux), the kernel also kills the command
# should this script itself be killed; that signal is tied to the thread that
# started the process, which is why a script stands between and not a thread.
set -u

directory=$1
grace=$2
shift 2

bound() {
    if command -v setpriv >/dev/null 2>&1; then exec setpriv --pdeathsig KILL "$@"; fi
    exec "$@"
}

# Signals are handed on. Set before the command can say that it is ready for one.
command=
for signal in TERM INT HUP USR1 USR2; do
    # shellcheck disable=SC2064 # The signal of this turn, the command of later.
    trap "kill -$signal \"\${command:-\$!}\" 2>/dev/null" "$signal"
done

# The shell would give a background command /dev/null instead of the pipe.
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

# A trapped signal ends `wait` early; only then the command is still there.
wait "$command"
status=$?
while kill -0 "$command" 2>/dev/null; do
    wait "$command"
    status=$?
done
# Not TERM: it would be lost on a watcher that has not yet forgotten the traps above.
kill -KILL "$watcher" 2>/dev/null
if [ -n "$directory" ]; then rm -rf -- "$directory"; fi
exit "$status"
