#!/bin/bash
# sendxmpp (on Net::XMPP): logs in, sends what it read, leaves; it never reads an answer. Nothing is to be told of its
# login, so "online" means only that it may be given the text.
# With TLS set: STARTTLS, whatever the certificate is.
set -u
echo online
IFS= read -r command
case $command in say\ *) ;; *) exit 0 ;; esac
if ! printf '%s' "${command#say }" | sendxmpp ${TLS:+-t -n} -f /dev/null -r "$RESOURCE" -u "$USERNAME" -p "$PASSWORD" -j "127.0.0.1:$PORT" -o "$DOMAIN" "$PARTNER"; then
  echo 'gone sendxmpp failed'
  exit 1
fi
