#!/usr/bin/env bash
# Written by orthancgen: is Orthanc healthy? Exit 0 yes, 1 no.
# The DICOM port must be listened on. It is not connected to: Orthanc reports each connection without an association.
# The REST API must answer. 401 is an answer: it asks who is there.

# Who closes the connection before the question is out must not end this script: it says what is wrong.
trap '' PIPE

listening=no
printf -v dicom_port ':%04X' 2762
while read -r _ local _ state _; do
  if [[ $local == *"$dicom_port" && $state == 0A ]]; then
    listening=yes
  fi
done < <(cat /proc/net/tcp /proc/net/tcp6 2>/dev/null)
if [[ $listening == no ]]; then
  echo "nothing listens on the DICOM port 2762"
  exit 1
fi

if ! exec 3<>"/dev/tcp/127.0.0.1/8042"; then
  echo "nothing listens on the HTTP port 8042"
  exit 1
fi
printf 'GET /system HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
IFS= read -r -t 4 -n 64 status <&3
# To the end: Orthanc reports each answer that nobody waited for.
timeout 4 cat <&3 >/dev/null
case $status in
  "HTTP/1."[01]" 200 "* | "HTTP/1."[01]" 401 "*) exit 0 ;;
esac
echo "the REST API does not answer as it should: ${status//[^[:print:]]/}"
exit 1
