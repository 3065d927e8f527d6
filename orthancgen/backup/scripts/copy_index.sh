# Copies Orthanc's index while Orthanc is halted: copy_index.sh PROGRAM LIMIT_SECONDS
#
# It runs in Orthanc's own process namespace, with /source (the index's folder) and /staging/index (where the copy goes).
# Orthanc holds its index open exclusively, so nobody can ask SQLite for a copy. Halted, what lies on disk is what a
# crash at this moment would leave, which SQLite recovers from: https://sqlite.org/wal.html, "Recovery".
#
# Orthanc goes on whatever happens to who asked for the copy: this script and its watchdog run on the engine's side.
# Prints `paused MILLISECONDS`, `how log|whole`. Without a process PROGRAM nothing is halted.
program=$1 limit=$2
copy=/staging/index
late=/tmp/late

of_program() {
    local folder name
    for folder in /proc/[0-9]*; do
        { IFS= read -r -d '' name < "$folder/cmdline"; } 2> /dev/null || continue
        [[ ${name##*/} != "$program" ]] || echo "${folder#/proc/}"
    done
}

halted() { # whether every thread of the processes has stopped
    local one line
    for one in "$@"; do
        for task in /proc/"$one"/task/*/stat; do
            { IFS= read -r line < "$task"; } 2> /dev/null || continue
            line=${line##*) }
            [[ $line == [TtZX]* ]] || return 1
        done
    done
}

go_on() {
    [[ ${#processes[@]} -eq 0 ]] || kill -CONT "${processes[@]}" 2> /dev/null || true
}

written_at() { stat --format=%Y.%y "$1" 2> /dev/null || echo none; }

copy_files() {
    local name
    rm -f "$copy"/index-wal "$copy"/index-journal
    for name in "$@"; do
        [[ ! -e /source/$name ]] || cp --reflink=auto "/source/$name" "$copy/$name"
    done
}

mapfile -t processes < <(of_program)
if [[ ${#processes[@]} -eq 0 ]]; then
    copy_files index index-wal index-journal
    printf 'paused 0\nhow whole\n'
    exit
fi
if [[ " ${processes[*]} " == *" 1 "* ]]; then
    echo "error: $program is the first process of its container, which cannot be halted: run the container with init" >&2
    exit 1
fi

# The index file changes only when SQLite moves its log into it. Copied before the halt, mostly only the log is left.
waited=0
until [[ $(date +%s) -gt $(stat --format=%Y /source/index) ]]; do sleep 0.1; ((++waited < 20)) || break; done
before=$(written_at /source/index)
copy_files index

trap go_on EXIT
trap 'exit 1' TERM INT HUP
(
    trap - EXIT TERM INT HUP
    sleep "$limit"
    : > "$late"
    go_on
) > /dev/null 2>&1 &
watchdog=$!
since=${EPOCHREALTIME/./}
kill -STOP "${processes[@]}"
until halted "${processes[@]}"; do
    [[ ! -e $late ]] || break
    sleep 0.002
done
if [[ $(written_at /source/index) == "$before" && ! -e /source/index-journal ]]; then
    how=log
    copy_files index-wal
else
    how=whole
    copy_files index index-wal index-journal
fi
[[ ! -e $late ]] || how=late
go_on
until=${EPOCHREALTIME/./}
kill "$watchdog" 2> /dev/null || true
if [[ $how == late || -e $late ]]; then
    echo "error: the copy of the index took longer than $limit s, and $program was let go on" >&2
    exit 1
fi
printf 'paused %s\nhow %s\n' $(((until - since + 500) / 1000)) "$how"
