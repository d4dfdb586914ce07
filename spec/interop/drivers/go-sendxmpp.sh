#!/bin/bash
# go-sendxmpp refuses to log in without encryption: it opens a stream and leaves. We only have to survive it.
set -u
printf hello | timeout 5 go-sendxmpp -u "$USERNAME@$DOMAIN" -p "$PASSWORD" -j "127.0.0.1:$PORT" "$PARTNER"
echo "gone with exit code $?"
exit 1
