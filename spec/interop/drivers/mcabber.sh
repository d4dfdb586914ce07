#!/bin/bash
# mcabber, the console client (on libloudmouth): a jabber:iq:auth get first, then a digest; sends roster, disco, private
# storage and presence in one write. It wants a terminal, so it runs in a tmux of its own; commands reach it through its
# FIFO, and it calls the script "event" here for each message.
set -u
export LANG=C.UTF-8
cd "$WORK" || exit 2
# With TLS set: STARTTLS, whatever the certificate is.
tls=${TLS:+1}
tls=${tls:-0}
screen=(tmux -S "$WORK/tmux" -f /dev/null)

cat >event <<'EVENT'
#!/bin/bash
# MSG IN address file-with-the-text
[ "$1 $2" = 'MSG IN' ] && echo "received $3 $(cat "$4")" >>"$(dirname "$0")/events"
EVENT
chmod 700 event
cat >mcabberrc <<RC
set jid = $USERNAME@$DOMAIN
set password = $PASSWORD
set server = 127.0.0.1
set port = $PORT
set resource = $RESOURCE
set tls = $tls
set ssl_ignore_checks = 1
set logging = 0
set tracelog_level = 1
set tracelog_file = $WORK/trace
set events_command = $WORK/event
set events_ignore_active_window = 0
set event_log_files = 1
set event_log_dir = $WORK
set fifo_name = $WORK/fifo
module load fifo
RC
chmod 600 mcabberrc
: >events
: >trace
mkfifo over

# What it says of its connection, and what it received, to the spec; at the first end of the connection we are to leave.
report() {
  while IFS= read -r line; do
    case $line in
    received*) echo "$line" ;;
    # from offline ("_") to available ("o"), or back
    *'Your status has been set: [_>o]'*) echo online ;;
    *'Your status has been set: ['?'>_]'* | *'uthentication failed'* | *'error while connecting'*)
      echo "gone ${line#*] }"
      kill "$$"
      return
      ;;
    *) echo "mcabber: $line" ;;
    esac
  done
}

# mcabber has ended: by /quit, or by itself.
watch_end() {
  : <over
  [ -e leaving ] && return
  echo 'gone mcabber has ended'
  kill "$$"
}

cleanup() {
  kill "$watching" "$ending" 2>/dev/null
  "${screen[@]}" kill-server 2>/dev/null
  # mcabber catches every other signal, and would outlive its terminal
  kill -KILL "$(cat pid)" 2>/dev/null
}

exec {watch}< <(exec tail -q -n +1 -f --pid="$$" trace events)
watching=$!
trap cleanup EXIT
trap 'exit 1' TERM
report <&"$watch" &
"${screen[@]}" new-session -d -x 100 -y 30 "sh -c 'echo \$\$ >pid; exec mcabber -f $WORK/mcabberrc'; : >over"
watch_end &
ending=$!

while IFS= read -r command; do
  case $command in
  say\ *) echo "/say_to $PARTNER ${command#say }" 1<>fifo ;;
  quit) break ;;
  esac
done
trap '' TERM
touch leaving
kill "$watching"
echo /quit 1<>fifo
wait "$ending"
exit 0
