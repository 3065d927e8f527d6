# Lets a halted program go on: go_on.sh PROGRAM, in its own process namespace.
for folder in /proc/[0-9]*; do
    { IFS= read -r -d '' name < "$folder/cmdline"; } 2> /dev/null || continue
    [[ ${name##*/} != "$1" ]] || kill -CONT "${folder#/proc/}"
done
