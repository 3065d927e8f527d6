# Runs restic with its secrets from the standard input, so that they stand neither in the arguments nor in what the
# engine tells of the container, nor on any disk: restic.sh [--seconds SECONDS | --stdin-bytes COUNT] ARGUMENTS...
#
# The input: how many variables, then as many lines NAME=VALUE. ORTHANCGEN_PASSWORD is restic's password and
# ORTHANCGEN_NEW_PASSWORD the one it shall have; the others are restic's own. With --stdin-bytes, that many bytes follow.
# With --seconds, restic ends after that time: by itself it asks a store that does not answer for a quarter of an hour.
IFS= read -r count
for ((i = 0; i < count; i++)); do
    IFS= read -r line
    case $line in
        ORTHANCGEN_PASSWORD=*) printf '%s' "${line#*=}" > /run/secrets/password ;;
        ORTHANCGEN_NEW_PASSWORD=*) printf '%s' "${line#*=}" > /run/secrets/new_password ;;
        *) export "${line?}" ;;
    esac
done
unset line
if [[ ${1-} == --stdin-bytes ]]; then
    bytes=$2
    shift 2
    exec 3<&0
    exec restic --password-file /run/secrets/password --cache-dir /cache "$@" < <(head --bytes="$bytes" <&3)
fi
limit=()
if [[ ${1-} == --seconds ]]; then
    limit=(timeout --signal=INT --kill-after=10 "$2")
    shift 2
fi
exec "${limit[@]}" restic --password-file /run/secrets/password --cache-dir /cache "$@" < /dev/null
