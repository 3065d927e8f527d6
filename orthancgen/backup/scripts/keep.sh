# Moves everything of /from/$1 into /to/$2, both on one file system, and leaves /from/$1 empty.
shopt -s dotglob nullglob
for entry in "/host/$1"/*; do
    [[ ${entry##*/} == lost+found ]] || mv -T "$entry" "/host/$2/${entry##*/}"
done
chmod --reference="/host/$1" "/host/$2"
chown --reference="/host/$1" "/host/$2"
