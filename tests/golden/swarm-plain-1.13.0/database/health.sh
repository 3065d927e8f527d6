#!/usr/bin/env bash
# Written by orthancgen: is the database healthy? Exit 0 yes, 1 no.
# Asks `hello` in MongoDB's own protocol, which needs no login and, unlike a shell of the database, next to no processor.
# https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/#op_msg
# Asked at the container's own address: while the image makes its first user, it listens on the loopback alone.

# Who closes the connection before the question is out must not end this script: it says what is wrong.
trap '' PIPE

if ! exec 3<>"/dev/tcp/$HOSTNAME/27017"; then
  echo "nothing listens on port 27017"
  exit 1
fi
# Header: 52 bytes, request 1, to nobody, OP_MSG (2013). Body: no flags, one document {hello: 1, $db: "admin"}.
printf '\x34\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0\0\0\0\0\0\x1f\0\0\0\x10hello\0\x01\0\0\0\x02\x24db\0\x06\0\0\0admin\0\0' >&3
# The answer begins with its own length, and holds the field ok, a double, which is 1 where the database serves.
length=$(timeout 4 head -c 4 <&3 | od -An -v -tu4 | tr -d ' \n')
if [[ $length =~ ^[0-9]{2,5}$ ]]; then
  answer=$(timeout 4 head -c "$((length - 4))" <&3 | od -An -v -tx1 | tr -d ' \n')
  [[ $answer == *016f6b00000000000000f03f* ]] && exit 0
fi
echo "the database does not answer as it should"
exit 1
