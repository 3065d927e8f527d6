# Recovers and checks a copied index in /staging/index, and tells what it holds: `NAME VALUE` lines.
#
# With /storage, counts the files that the index names and that are not there.
index=/staging/index/index
[[ $(sqlite3 "$index" 'PRAGMA journal_mode=DELETE;') == delete ]]
result=$(sqlite3 "$index" 'PRAGMA integrity_check(5);')
if [[ $result != ok ]]; then
    printf 'error: the copied index is damaged: %s\n' "${result//$'\n'/; }" >&2
    exit 1
fi
sqlite3 -separator ' ' "$index" "
  SELECT 'schema', value FROM GlobalProperties WHERE property = 1;
  SELECT CASE resourceType WHEN 1 THEN 'patients' WHEN 2 THEN 'studies' WHEN 3 THEN 'series' WHEN 4 THEN 'instances' END,
         count(*) FROM Resources GROUP BY resourceType;
  SELECT 'files', count(*) FROM AttachedFiles;
  SELECT 'bytes', coalesce(sum(compressedSize), 0) FROM AttachedFiles;
  SELECT 'change', coalesce(max(seq), 0) FROM Changes;"
printf 'digest %s\n' "$(sqlite3 -separator ' ' "$index" "
  SELECT r.publicId, a.fileType, a.uuid, a.compressedMD5 FROM Resources r LEFT JOIN AttachedFiles a ON a.id = r.internalId
  ORDER BY r.publicId, a.fileType;" | sha256sum | cut -d ' ' -f 1)"
if [[ -d /storage ]]; then
    printf 'absent %s\n' "$(LC_ALL=C comm -23 \
        <(sqlite3 "$index" 'SELECT uuid FROM AttachedFiles;' | LC_ALL=C sort) \
        <(find /storage -mindepth 3 -maxdepth 3 -type f -printf '%f\n' | LC_ALL=C sort) | wc -l)"
fi
