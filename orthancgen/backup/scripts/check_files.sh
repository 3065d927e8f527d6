# Compares the files of /storage with the index in /index, byte for byte: their MD5 as Orthanc noted it at arrival.
#
# Prints `missing|damaged LEVEL ORTHANC_ID UUID` for each that is not as it must be (LEVEL: 1 patient ... 4 instance),
# `compared COUNT`, and `removed COUNT` for files that no index names, which Orthanc would keep for ever.
index=/index/index
mkdir -p /tmp/compared
cd /tmp/compared
path="substr(uuid, 1, 2) || '/' || substr(uuid, 3, 2) || '/' || uuid"
sqlite3 -readonly "$index" "SELECT uuid FROM AttachedFiles;" | LC_ALL=C sort > named
find /storage -mindepth 3 -maxdepth 3 -type f -printf '%f\n' | LC_ALL=C sort > there
LC_ALL=C comm -13 named there | while IFS= read -r uuid; do
    rm -f "/storage/${uuid:0:2}/${uuid:2:2}/$uuid"
    echo x
done | wc -l | sed 's/^/removed /'
LC_ALL=C comm -23 named there | sed 's/^/missing /' > wrong
sqlite3 -readonly "$index" "SELECT compressedMD5 || '  ' || $path FROM AttachedFiles WHERE length(compressedMD5) = 32;" > sums
(cd /storage && LC_ALL=C md5sum --check --quiet /tmp/compared/sums 2> /dev/null) | sed -n 's|^.*/\([^/]*\): FAILED$|damaged \1|p' >> wrong || true
# Without a checksum (keep_checksums: false) there is the size.
sqlite3 -readonly -separator ' ' "$index" "SELECT uuid, compressedSize, $path FROM AttachedFiles WHERE length(compressedMD5) <> 32;" |
    while read -r uuid size place; do
        [[ ! -e /storage/$place || $(stat --format=%s "/storage/$place") == "$size" ]] || echo "damaged $uuid"
    done >> wrong
if [[ -s wrong ]]; then
    sqlite3 -readonly "$index" << 'SQL'
CREATE TEMP TABLE wrong(what TEXT, uuid TEXT);
.separator ' '
.import --schema temp wrong wrong
SELECT w.what, r.resourceType, r.publicId, w.uuid
  FROM temp.wrong w JOIN AttachedFiles a ON a.uuid = w.uuid JOIN Resources r ON r.internalId = a.id;
SQL
fi
printf 'compared %s\n' "$(wc -l < named)"
