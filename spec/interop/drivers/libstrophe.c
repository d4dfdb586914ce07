/*
 * libstrophe, the library of Profanity, with legacy authentication allowed: an auth set with the password at once,
 * without a get. Waits for stream features for ever where a server sends none.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strophe.h>
#include <unistd.h>

static xmpp_ctx_t *context;
static xmpp_conn_t *connection;
static int online = 0, leaving = 0, over = 0, status = 0;

static int on_message(xmpp_conn_t *c, xmpp_stanza_t *stanza, void *data)
{
    xmpp_stanza_t *body = xmpp_stanza_get_child_by_name(stanza, "body");
    char *text = body ? xmpp_stanza_get_text(body) : NULL;
    if (text) {
        printf("received %s %s\n", xmpp_stanza_get_from(stanza), text);
        xmpp_free(context, text);
    }
    return 1;
}

static void say(const char *text)
{
    xmpp_stanza_t *message = xmpp_message_new(context, "chat", getenv("PARTNER"), NULL);
    xmpp_message_set_body(message, text);
    xmpp_send(connection, message);
    xmpp_stanza_release(message);
}

static void on_connection(xmpp_conn_t *c, xmpp_conn_event_t event, int error, xmpp_stream_error_t *stream_error, void *data)
{
    if (event == XMPP_CONN_CONNECT) {
        xmpp_stanza_t *presence = xmpp_presence_new(context);
        xmpp_send(c, presence);
        xmpp_stanza_release(presence);
        online = 1;
        puts("online");
        return;
    }
    if (!leaving) {
        printf("gone %s\n", stream_error && stream_error->text ? stream_error->text : online ? "disconnected" : "login refused");
        status = 1;
    }
    over = 1;
}

/* Called many times a second: libstrophe has no way to wait for a descriptor of ours. */
static int on_tick(xmpp_conn_t *c, void *data)
{
    static char line[4096];
    static size_t used = 0;
    ssize_t count;
    char *end;
    while (online && !leaving && (count = read(0, line + used, sizeof line - 1 - used)) >= 0) {
        used += count;
        line[used] = '\0';
        while ((end = strchr(line, '\n'))) {
            *end = '\0';
            if (strncmp(line, "say ", 4) == 0)
                say(line + 4);
            leaving |= strcmp(line, "quit") == 0;
            used -= end + 1 - line;
            memmove(line, end + 1, used + 1);
        }
        leaving |= count == 0;
        if (leaving)
            xmpp_disconnect(c);
    }
    return 1;
}

int main(void)
{
    static char jid[1024];

    setvbuf(stdout, NULL, _IOLBF, 0);
    fcntl(0, F_SETFL, fcntl(0, F_GETFL) | O_NONBLOCK);
    snprintf(jid, sizeof jid, "%s@%s/%s", getenv("USERNAME"), getenv("DOMAIN"), getenv("RESOURCE"));
    xmpp_initialize();
    context = xmpp_ctx_new(NULL, NULL);
    connection = xmpp_conn_new(context);
    xmpp_conn_set_flags(connection, XMPP_CONN_FLAG_DISABLE_TLS | XMPP_CONN_FLAG_LEGACY_AUTH);
    xmpp_conn_set_jid(connection, jid);
    xmpp_conn_set_pass(connection, getenv("PASSWORD"));
    xmpp_handler_add(connection, on_message, NULL, "message", NULL, NULL);
    xmpp_timed_handler_add(connection, on_tick, 20, NULL);
    if (xmpp_connect_client(connection, "127.0.0.1", atoi(getenv("PORT")), on_connection, NULL) != XMPP_EOK)
        return 2;
    while (!over)
        xmpp_run_once(context, 20);
    xmpp_conn_release(connection);
    xmpp_ctx_free(context);
    return status;
}
