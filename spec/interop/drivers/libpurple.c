/*
 * libpurple, the engine of Pidgin and Finch, without a user interface: a jabber:iq:auth get first, then a digest;
 * asks for disco, roster, vCard and what else a client with windows wants to know.
 */
#include <glib.h>
#include <purple.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static GMainLoop *loop;
static PurpleAccount *account;
static gboolean leaving = FALSE;
static int status = 0;

/* --- the event loop that libpurple asks for: GLib's own ------------------------------------------------------------ */

#define READABLE (G_IO_IN | G_IO_HUP | G_IO_ERR)
#define WRITABLE (G_IO_OUT | G_IO_HUP | G_IO_ERR | G_IO_NVAL)

typedef struct {
    PurpleInputFunction function;
    gpointer data;
} Watch;

static gboolean on_input(GIOChannel *source, GIOCondition condition, gpointer data)
{
    Watch *watch = data;
    int purple = 0;
    if (condition & READABLE)
        purple |= PURPLE_INPUT_READ;
    if (condition & WRITABLE)
        purple |= PURPLE_INPUT_WRITE;
    watch->function(watch->data, g_io_channel_unix_get_fd(source), purple);
    return TRUE;
}

static guint input_add(gint fd, PurpleInputCondition purple, PurpleInputFunction function, gpointer data)
{
    Watch *watch = g_new0(Watch, 1);
    GIOChannel *channel = g_io_channel_unix_new(fd);
    GIOCondition condition = 0;
    guint id;
    watch->function = function;
    watch->data = data;
    if (purple & PURPLE_INPUT_READ)
        condition |= READABLE;
    if (purple & PURPLE_INPUT_WRITE)
        condition |= WRITABLE;
    id = g_io_add_watch_full(channel, G_PRIORITY_DEFAULT, condition, on_input, watch, g_free);
    g_io_channel_unref(channel);
    return id;
}

static PurpleEventLoopUiOps event_loop = {
    g_timeout_add, g_source_remove, input_add, g_source_remove, NULL, g_timeout_add_seconds, NULL, NULL, NULL,
};

/* --- the conversation with the spec --------------------------------------------------------------------------------- */

static gboolean end(gpointer data)
{
    g_main_loop_quit(loop);
    return FALSE;
}

static void quit(void)
{
    leaving = TRUE;
    purple_account_disconnect(account);
    /* libpurple writes the end of its stream from the main loop */
    g_idle_add(end, NULL);
}

static void say(const char *text)
{
    /* what a user types is markup to libpurple */
    gchar *markup = g_markup_escape_text(text, -1);
    serv_send_im(purple_account_get_connection(account), getenv("PARTNER"), markup, 0);
    g_free(markup);
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
    return g_io_channel_get_buffer_condition(input) & G_IO_IN ? on_command(input, condition, data) : TRUE;
}

static void on_signed_on(PurpleConnection *connection, gpointer data)
{
    puts("online");
}

static void on_error(PurpleConnection *connection, PurpleConnectionError error, const char *text, gpointer data)
{
    if (leaving)
        return;
    printf("gone %s\n", text);
    status = 1;
    /* not from inside the signal: libpurple is still busy with the connection */
    g_idle_add(end, NULL);
}

static gboolean on_message(PurpleAccount *receiver, char **sender, char **message, PurpleConversation *conversation,
                           PurpleMessageFlags *flags)
{
    gchar *plain = purple_unescape_html(*message);
    printf("received %s %s\n", *sender, plain);
    g_free(plain);
    return FALSE;
}

static void connect_signals(void)
{
    static int handle;
    void *connections = purple_connections_get_handle();
    purple_signal_connect(connections, "signed-on", &handle, PURPLE_CALLBACK(on_signed_on), NULL);
    purple_signal_connect(connections, "connection-error", &handle, PURPLE_CALLBACK(on_error), NULL);
    purple_signal_connect(purple_conversations_get_handle(), "receiving-im-msg", &handle, PURPLE_CALLBACK(on_message), NULL);
}

/* What a user does who accepts the certificate of a server: libpurple then has it in a file, by the host that it connects to. */
static void trust(const char *certificate)
{
    gchar *directory = g_build_filename(getenv("WORK"), "certificates", "x509", "tls_peers", NULL);
    gchar *file = g_build_filename(directory, "127.0.0.1", NULL);
    gchar *pem = NULL;
    gsize length = 0;
    g_mkdir_with_parents(directory, 0700);
    if (g_file_get_contents(certificate, &pem, &length, NULL))
        g_file_set_contents(file, pem, length, NULL);
    g_free(pem);
    g_free(file);
    g_free(directory);
}

static void make_account(void)
{
    gchar *jid = g_strdup_printf("%s@%s/%s", getenv("USERNAME"), getenv("DOMAIN"), getenv("RESOURCE"));
    account = purple_account_new(jid, "prpl-jabber");
    purple_account_set_password(account, getenv("PASSWORD"));
    purple_account_set_int(account, "port", atoi(getenv("PORT")));
    purple_account_set_string(account, "connect_server", "127.0.0.1");
    purple_account_set_string(account, "connection_security", getenv("TLS") ? "require_tls" : "opportunistic_tls");
}

int main(void)
{
    GIOChannel *input = g_io_channel_unix_new(0);

    setvbuf(stdout, NULL, _IOLBF, 0);
    loop = g_main_loop_new(NULL, FALSE);
    purple_util_set_user_dir(getenv("WORK"));
    if (getenv("TLS"))
        trust(getenv("TLS"));
    purple_eventloop_set_ui_ops(&event_loop);
    if (!purple_core_init("nullclient"))
        return 2;
    purple_set_blist(purple_blist_new());
    purple_prefs_load();
    connect_signals();
    make_account();
    purple_account_set_enabled(account, "nullclient", TRUE);
    purple_savedstatus_activate(purple_savedstatus_new(NULL, PURPLE_STATUS_AVAILABLE));
    g_io_add_watch(input, G_IO_IN | G_IO_HUP, on_command, NULL);
    g_main_loop_run(loop);
    return status;
}
