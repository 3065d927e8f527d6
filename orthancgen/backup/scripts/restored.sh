# Gives what was restored to its user, and checks the index: restored.sh UID GID
find /restored -xdev ! \( -uid "$1" -gid "$2" \) -exec chown --no-dereference "$1:$2" {} +
