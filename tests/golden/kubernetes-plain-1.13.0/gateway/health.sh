#!/usr/bin/env bash
# Written by orthancgen: is the gateway healthy? Exit 0 yes, 1 no.

# Who closes the connection before the question is out must not end this script: it says what is wrong.
trap '' PIPE

if ! exec 3<>"/dev/tcp/127.0.0.1/20000"; then
  echo "nothing listens on the port of the gateway's health"
  exit 1
fi
printf 'GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n' >&3
IFS= read -r -t 4 -n 64 status <&3
[[ $status == "HTTP/1."[01]" 200 "* ]]
