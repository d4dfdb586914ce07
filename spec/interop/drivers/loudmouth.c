/*
 * libloudmouth: a jabber:iq:auth get first, then a digest; pipelines what follows.
 * The blocking calls for opening and login, the main loop for everything else.
 */
#include <loudmouth/loudmouth.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static GMainLoop *loop;
static LmConnection *connection;
static gboolean leaving = FALSE;
static int status = 0;

static int gone(const char *reason)
{
    printf("gone %s\n", reason);
    status = 1;
    if (loop)
        g_main_loop_quit(loop);
    return status;
}

static void quit(void)
{
    leaving = TRUE;
    lm_connection_close(connection, NULL);
    g_main_loop_quit(loop);
}

static void say(const char *text)
{
    LmMessage *message = lm_message_new_with_sub_type(getenv("PARTNER"), LM_MESSAGE_TYPE_MESSAGE, LM_MESSAGE_SUB_TYPE_CHAT);
    lm_message_node_add_child(message->node, "body", text);
    lm_connection_send(connection, message, NULL);
    lm_message_unref(message);
}

static gboolean on_command(GIOChannel *input, GIOCondition condition, gpointer data)
{
    gchar *line = NULL;
    if (g_io_channel_read_line(input, &line, NULL, NULL, NULL) != G_IO_STATUS_NORMAL || strcmp(g_strchomp(line), "quit") == 0) {
        quit();
        return FALSE;
    }
    if (g_str_has_prefix(line, "say "))
        say(line + 4);
    g_free(line);
    /* a read may have brought more lines than one */
    return g_io_channel_get_buffer_condition(input) & G_IO_IN ? on_command(input, condition, data) : TRUE;
}

static LmHandlerResult on_message(LmMessageHandler *handler, LmConnection *c, LmMessage *message, gpointer data)
{
    LmMessageNode *body = lm_message_node_get_child(message->node, "body");
    if (body)
        printf("received %s %s\n", lm_message_node_get_attribute(message->node, "from"), lm_message_node_get_value(body));
    return LM_HANDLER_RESULT_REMOVE_MESSAGE;
}

static void on_disconnect(LmConnection *c, LmDisconnectReason reason, gpointer data)
{
    if (!leaving)
        gone("disconnected");
}

int main(void)
{
    GError *error = NULL;
    GIOChannel *input = g_io_channel_unix_new(0);
    gchar *jid = g_strdup_printf("%s@%s/%s", getenv("USERNAME"), getenv("DOMAIN"), getenv("RESOURCE"));

    setvbuf(stdout, NULL, _IOLBF, 0);
    connection = lm_connection_new("127.0.0.1");
    lm_connection_set_port(connection, atoi(getenv("PORT")));
    lm_connection_set_jid(connection, jid);
    lm_connection_register_message_handler(connection, lm_message_handler_new(on_message, NULL, NULL),
                                           LM_MESSAGE_TYPE_MESSAGE, LM_HANDLER_PRIORITY_NORMAL);
    if (!lm_connection_open_and_block(connection, &error))
        return gone(error->message);
    if (!lm_connection_authenticate_and_block(connection, getenv("USERNAME"), getenv("PASSWORD"), getenv("RESOURCE"), &error))
        return gone(error ? error->message : "login refused");
    lm_connection_set_disconnect_function(connection, on_disconnect, NULL, NULL);
    lm_connection_send(connection,
                       lm_message_new_with_sub_type(NULL, LM_MESSAGE_TYPE_PRESENCE, LM_MESSAGE_SUB_TYPE_AVAILABLE), NULL);
    puts("online");

    loop = g_main_loop_new(NULL, FALSE);
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_command, NULL);
    g_main_loop_run(loop);
    return status;
}
