# Prints `empty` or `full` for each folder below /volumes: NAME STATE
for folder in /volumes/*; do
    if [[ -n $(find "$folder" -mindepth 1 -maxdepth 1 ! -name lost+found -print -quit) ]]; then
        echo "${folder##*/} full"
    else
        echo "${folder##*/} empty"
    fi
done
