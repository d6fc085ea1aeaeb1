/* The server stands in the same loop as the client: were the client to wait for anything, the test
 * would not end. */
#include "unit.h"

#include <arpa/inet.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/err.h"
#include "common/log.h"
#include "notifier/bot_api.h"

#define SECRET "unit-marked_Secret"
#define TOKEN  "123456:" SECRET
#define YES    "{\"ok\":true,\"result\":true}"

enum { CALL_MS = 5000, GUARD_S = 60 };

static struct event_base *base;
static struct event guard; /* should something never happen */
static struct evhttp *server;
static struct bot_api *api;
static char token_path[UNIT_TMP_BYTES];
static char url[64];
static uint16_t port;

/* What the server does with a request. */
static struct {
    enum { ANSWER, SILENT, HANG_UP, CUT_OFF } how;
    int status;
    const char *body;
    size_t length;
} server_does;

/* The last request it got. */
static struct {
    int count;
    bool post;
    char uri[128];
    char type[64];
    char body[128];
    uint16_t peer_port;
} asked;

/* What the last call came to. */
static struct {
    int count;
    int status;
    bool sent;
    bool understood;
    bool ok;
    int retry_after_s;
    char description[256];
    struct json_object *result;
    bool again; /* begin another call from within done() */
} told;

static void on_guard(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)argument;
    fail_msg("nothing happened for %d s", GUARD_S);
}

static void note_request(struct evhttp_request *request)
{
    const char *type =
        evhttp_find_header(evhttp_request_get_input_headers(request), "Content-Type");
    struct evbuffer *body = evhttp_request_get_input_buffer(request);
    char *peer = NULL;
    ev_ssize_t length;

    asked.count++;
    asked.post = evhttp_request_get_command(request) == EVHTTP_REQ_POST;
    snprintf(asked.uri, sizeof(asked.uri), "%s", evhttp_request_get_uri(request));
    snprintf(asked.type, sizeof(asked.type), "%s", type ? type : "");
    length = evbuffer_copyout(body, asked.body, sizeof(asked.body) - 1);
    asked.body[length > 0 ? length : 0] = '\0';
    evhttp_connection_get_peer(evhttp_request_get_connection(request), &peer, &asked.peer_port);
}

static void on_request(struct evhttp_request *request, void *argument)
{
    static const char half[] = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"ok\":true,";
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    int fd = bufferevent_getfd(
        evhttp_connection_get_bufferevent(evhttp_request_get_connection(request)));

    (void)argument;
    note_request(request);
    if (server_does.how == SILENT)
        return;
    if (server_does.how == CUT_OFF)
        assert_int_equal(send(fd, half, sizeof(half) - 1, MSG_NOSIGNAL), sizeof(half) - 1);
    if (server_does.how != ANSWER) {
        shutdown(fd, SHUT_RDWR);
        return;
    }
    evhttp_add_header(headers, "Location", "/elsewhere"); /* for statuses that mean it */
    evbuffer_add(evhttp_request_get_output_buffer(request), server_does.body, server_does.length);
    evhttp_send_reply(request, server_does.status, NULL, NULL);
}

static void server_answers(int status, const char *body)
{
    server_does.how = ANSWER;
    server_does.status = status;
    server_does.body = body;
    server_does.length = strlen(body);
}

static uint16_t port_of(evutil_socket_t fd)
{
    struct sockaddr_in address;
    socklen_t size = sizeof(address);

    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    return ntohs(address.sin_port);
}

static void on_done(void *argument, const struct bot_reply *reply)
{
    assert_ptr_equal(argument, &told);
    told.count++;
    told.status = reply->status;
    told.sent = reply->sent;
    told.understood = reply->understood;
    told.ok = reply->ok;
    told.retry_after_s = reply->retry_after_s;
    snprintf(told.description, sizeof(told.description), "%s", reply->description);
    json_object_put(told.result);
    told.result = json_object_get(reply->result);
    if (told.again) {
        told.again = false;
        bot_api_call(api, "sendMessage", "{}", CALL_MS, on_done, &told);
    }
}

static void token_write(const char *text, mode_t mode)
{
    int file = open(token_path, O_WRONLY | O_TRUNC);

    assert_true(file >= 0);
    assert_int_equal(write(file, text, strlen(text)), (ssize_t)strlen(text));
    assert_int_equal(fchmod(file, mode), 0);
    close(file);
}

static int api_open(const char *to, bool insecure, struct bot_api **ret_api)
{
    const struct bot_api_options options = {
        .url = to, .token_file = token_path, .insecure = insecure};

    return bot_api_new(base, &options, ret_api);
}

/* A client of this URL in the place of the server's. */
static void api_reopen(const char *to)
{
    bot_api_free(api);
    api = NULL;
    assert_int_equal(api_open(to, false, &api), 0);
}

static int group_begin(void **state)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)state;
    sigaction(SIGPIPE, &ignore, NULL);
    log_open("test", LOG_LEVEL_DEBUG);
    unit_tmp(token_path, "perch-token");
    close(mkstemp(token_path));
    return 0;
}

static int group_end(void **state)
{
    (void)state;
    return unlink(token_path);
}

static int begin(void **state)
{
    static const struct timeval soon = {.tv_sec = GUARD_S};
    struct evhttp_bound_socket *bound;

    (void)state;
    memset(&asked, 0, sizeof(asked));
    memset(&told, 0, sizeof(told));
    token_write(TOKEN "\n", 0600);
    base = event_base_new();
    event_assign(&guard, base, -1, 0, on_guard, NULL);
    event_add(&guard, &soon);
    server = evhttp_new(base);
    bound = evhttp_bind_socket_with_handle(server, "127.0.0.1", 0);
    if (bound == NULL)
        return -1;
    evhttp_set_gencb(server, on_request, NULL);
    port = port_of(evhttp_bound_socket_get_fd(bound));
    snprintf(url, sizeof(url), "http://127.0.0.1:%u", port);
    server_answers(200, YES);
    return api_open(url, false, &api);
}

static int end(void **state)
{
    (void)state;
    bot_api_free(api);
    api = NULL;
    evhttp_free(server);
    event_del(&guard);
    event_base_free(base);
    json_object_put(told.result);
    return 0;
}

static struct bot_call *call(const char *method, const char *body)
{
    return bot_api_call(api, method, body, CALL_MS, on_done, &told);
}

static void until_told(int count)
{
    while (told.count < count)
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    assert_int_equal(told.count, count);
    assert_null(strstr(told.description, SECRET));
}

static void until_asked(int count)
{
    while (asked.count < count)
        assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
}

/* Turns the loop as long as something is ready. */
static void turn(void)
{
    for (int i = 0; i < 16; i++)
        assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void without_an_answer(bool sent)
{
    assert_int_equal(told.status, 0);
    assert_int_equal(told.sent, sent);
    assert_false(told.understood || told.ok);
    assert_null(told.result);
    assert_string_not_equal(told.description, "");
}

static void a_call_posts_json_and_brings_the_result(void **state)
{
    (void)state;
    server_answers(200, "{\"ok\":true,\"result\":{\"message_id\":7}}");
    call("sendMessage", "{\"chat_id\":1,\"text\":\"hi\"}");
    assert_int_equal(asked.count + told.count, 0); /* nothing happens outside the loop */
    until_told(1);
    assert_true(asked.post);
    assert_string_equal(asked.uri, "/bot" TOKEN "/sendMessage");
    assert_string_equal(asked.type, "application/json");
    assert_string_equal(asked.body, "{\"chat_id\":1,\"text\":\"hi\"}");
    assert_int_equal(told.status, 200);
    assert_true(told.sent && told.understood && told.ok);
    assert_string_equal(json_object_to_json_string_ext(told.result, JSON_C_TO_STRING_PLAIN),
                        "{\"message_id\":7}");
}

static void a_server_may_live_below_a_path(void **state)
{
    char below[96];

    (void)state;
    snprintf(below, sizeof(below), "%s/telegram//", url);
    api_reopen(below);
    call("getMe", "{}");
    until_told(1);
    assert_string_equal(asked.uri, "/telegram/bot" TOKEN "/getMe");
}

static void a_refusal_comes_with_its_status_and_wait(void **state)
{
    (void)state;
    server_answers(429, "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests\","
                        "\"parameters\":{\"retry_after\":35}}");
    call("sendMessage", "{}");
    until_told(1);
    assert_int_equal(told.status, 429);
    assert_true(told.understood);
    assert_false(told.ok);
    assert_int_equal(told.retry_after_s, 35);
    assert_string_equal(told.description, "Too Many Requests");
}

static void garbage_has_a_status_and_is_not_understood(void **state)
{
    (void)state;
    server_answers(502, "<html>Bad Gateway</html>");
    call("sendMessage", "{}");
    until_told(1);
    assert_int_equal(told.status, 502);
    assert_false(told.understood);
    server_answers(200, "");
    call("sendMessage", "{}");
    until_told(2);
    assert_int_equal(told.status, 200);
    assert_false(told.understood || told.ok);
}

/* YES with white space behind it. */
static void server_answers_long(struct buf *body, size_t length)
{
    buf_adds(body, YES);
    buf_reserve(body, length);
    memset(body->data + body->length, ' ', length - body->length);
    body->data[body->length = length] = '\0';
    server_answers(200, body->data);
    assert_int_equal(server_does.length, length);
}

static void updates_of_four_mebibytes_arrive(void **state)
{
    struct buf body = {0};

    (void)state;
    buf_adds(&body, "{\"ok\":true,\"result\":[\"");
    while (body.length < 4 * 1024 * 1024)
        buf_adds(&body, "0123456789abcdef");
    buf_adds(&body, "\"]}");
    server_answers(200, body.data);
    call("getUpdates", "{}");
    until_told(1);
    assert_true(told.ok);
    assert_int_equal(json_object_get_string_len(json_object_array_get_idx(told.result, 0)),
                     body.length - strlen("{\"ok\":true,\"result\":[\"\"]}"));
    buf_release(&body);
}

static void an_answer_may_have_so_many_bytes_and_no_more(void **state)
{
    struct buf body = {0};

    (void)state;
    server_answers_long(&body, BOT_REPLY_MAX);
    call("getUpdates", "{}");
    until_told(1);
    assert_true(told.ok);
    buf_release(&body);
    server_answers_long(&body, BOT_REPLY_MAX + 1);
    call("getUpdates", "{}");
    until_told(2);
    without_an_answer(true);
    buf_release(&body);
}

static void a_server_that_is_not_there_was_sent_nothing(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    char nowhere[64];
    int fd = socket(AF_INET, SOCK_STREAM, 0); /* bound, and does not listen */

    (void)state;
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof(at)), 0);
    snprintf(nowhere, sizeof(nowhere), "http://127.0.0.1:%u", port_of(fd));
    api_reopen(nowhere);
    call("sendMessage", "{}");
    until_told(1);
    without_an_answer(false);
    close(fd);
}

static void a_server_that_speaks_no_tls_was_sent_nothing(void **state)
{
    char secure[64];

    (void)state;
    snprintf(secure, sizeof(secure), "https://127.0.0.1:%u", port);
    api_reopen(secure);
    call("sendMessage", "{}");
    until_told(1);
    without_an_answer(false);
    assert_int_equal(asked.count, 0);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address,
                      int length, void *argument)
{
    (void)listener;
    (void)address;
    (void)length;
    ++*(int *)argument;
    close(fd);
}

static void a_connection_that_ends_before_the_request_may_have_had_it(void **state)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int accepted = 0;
    struct evconnlistener *listener = evconnlistener_new_bind(
        base, on_accept, &accepted, LEV_OPT_CLOSE_ON_FREE, 8, (struct sockaddr *)&at, sizeof(at));
    char closing[64];

    (void)state;
    assert_non_null(listener);
    snprintf(closing, sizeof(closing), "http://127.0.0.1:%u",
             port_of(evconnlistener_get_fd(listener)));
    api_reopen(closing);
    call("sendMessage", "{}");
    until_told(1);
    without_an_answer(true);
    turn();
    assert_int_equal(accepted, 1);
    evconnlistener_free(listener);
}

static void a_connection_that_ends_after_the_request_is_no_answer(void **state)
{
    (void)state;
    server_does.how = HANG_UP;
    call("sendMessage", "{}");
    until_told(1);
    without_an_answer(true);
    assert_int_equal(asked.count, 1);
}

static void half_an_answer_is_none(void **state)
{
    (void)state;
    server_does.how = CUT_OFF;
    call("sendMessage", "{}");
    until_told(1);
    without_an_answer(true);
}

/* libcurl takes a kept connection that ends without a word for one that was closed before, and asks
 * again: whoever got the first request would get the message twice. */
static void a_request_is_never_repeated_on_another_connection(void **state)
{
    uint16_t first_port;

    (void)state;
    call("getMe", "{}");
    until_told(1);
    assert_true(told.ok);
    first_port = asked.peer_port;
    server_does.how = HANG_UP;
    call("sendMessage", "{}");
    until_told(2);
    assert_int_equal(asked.peer_port, first_port);
    without_an_answer(true);
    turn();
    assert_int_equal(asked.count, 2);
    server_answers(200, YES);
    call("sendMessage", "{}"); /* on a new one */
    until_told(3);
    assert_true(told.ok);
    assert_int_not_equal(asked.peer_port, first_port);
}

static void a_redirect_is_not_followed(void **state)
{
    static const int statuses[] = {301, 302, 303, 307, 308};

    (void)state;
    for (int i = 0; i < (int)COUNT(statuses); i++) {
        server_answers(statuses[i], "");
        call("sendMessage", "{}");
        until_told(i + 1);
        assert_int_equal(told.status, statuses[i]);
        assert_false(told.understood);
        assert_int_equal(asked.count, i + 1);
    }
}

static void a_call_that_takes_too_long_ends(void **state)
{
    (void)state;
    server_does.how = SILENT;
    bot_api_call(api, "getUpdates", "{}", 50, on_done, &told);
    until_told(1);
    without_an_answer(true);
    assert_int_equal(asked.count, 1);
}

static void a_proxy_of_the_environment_is_not_used(void **state)
{
    static const char *const names[] = {"http_proxy", "ALL_PROXY", "all_proxy"};

    (void)state;
    for (size_t i = 0; i < COUNT(names); i++)
        setenv(names[i], "http://127.0.0.1:9", 1);
    call("getMe", "{}");
    until_told(1);
    for (size_t i = 0; i < COUNT(names); i++)
        unsetenv(names[i]);
    assert_true(told.ok);
}

static void calls_do_not_wait_for_each_other(void **state)
{
    struct bot_call *poll;

    (void)state;
    server_does.how = SILENT;
    poll = call("getUpdates", "{}");
    until_asked(1);
    server_answers(200, YES);
    for (int i = 1; i <= 3; i++) {
        call("sendMessage", "{}");
        until_told(i);
        assert_true(told.ok);
    }
    bot_call_cancel(poll);
}

static void the_end_of_a_call_may_begin_another(void **state)
{
    (void)state;
    told.again = true;
    call("getMe", "{}");
    until_told(2);
    assert_string_equal(asked.uri, "/bot" TOKEN "/sendMessage");
}

static void a_cancelled_call_is_never_told(void **state)
{
    struct bot_call *poll;

    (void)state;
    bot_call_cancel(call("getMe", "{}")); /* before it began */
    server_does.how = SILENT;
    poll = call("getUpdates", "{}");
    until_asked(1);
    bot_call_cancel(poll);
    turn();
    assert_int_equal(told.count, 0);
    assert_int_equal(asked.count, 1);
}

static void the_end_of_the_client_ends_its_calls(void **state)
{
    (void)state;
    server_does.how = SILENT;
    call("getUpdates", "{}");
    until_asked(1);
    call("sendMessage", "{}");
    bot_api_free(api);
    api = NULL;
    turn();
    assert_int_equal(told.count, 0);
}

static void plain_http_is_for_this_host_or_who_insists(void **state)
{
    static const struct {
        const char *url;
        bool good;
        bool insecure_good;
    } cases[] = {
        {"https://api.telegram.org", true, true},
        {"https://api.telegram.org/", true, true},
        {"HTTPS://bots.example.org:8443/telegram", true, true},
        {"http://127.0.0.1:8081", true, true},
        {"http://127.9.9.9", true, true},
        {"http://localhost:8081", true, true},
        {"http://[::1]:8081", true, true},
        {"http://api.telegram.org", false, true},
        {"http://192.0.2.1", false, true},
        {"http://[2001:db8::1]", false, true},
        {"http://127.0.0.1.example.org", false, true},
        {"http://localhost.example.org", false, true},
        {"http://128.0.0.1", false, true},
        {"ftp://127.0.0.1", false, false},
        {"file:///etc/passwd", false, false},
        {"api.telegram.org", false, false},
        {"127.0.0.1:8081", false, false},
        {"https://", false, false},
        {"", false, false},
        {"https://me:" SECRET "@api.telegram.org", false, false},
        {"https://api.telegram.org/?" SECRET, false, false},
        {"https://api.telegram.org/#" SECRET, false, false},
        {"https://api.telegram.org /", false, false},
    };

    (void)state;
    for (size_t i = 0; i < 2 * COUNT(cases); i++) {
        bool insecure = i % 2 == 1;
        bool good = insecure ? cases[i / 2].insecure_good : cases[i / 2].good;
        struct bot_api *other = NULL;
        const char *log;
        int err;

        unit_stderr_begin();
        err = api_open(cases[i / 2].url, insecure, &other);
        log = unit_stderr_end();
        print_message("%s %d\n", cases[i / 2].url, insecure);
        assert_int_equal(err, good ? 0 : ERR_CONFIG);
        assert_int_equal(other != NULL, good);
        assert_int_equal(strstr(log, "PERCH_TELEGRAM_API") != NULL, !good);
        assert_null(strstr(log, SECRET));
        bot_api_free(other);
    }
}

static void token_refused(const char *text, mode_t mode, const char *says)
{
    struct bot_api *other = NULL;
    const char *log;

    token_write(text, mode);
    unit_stderr_begin();
    assert_int_equal(api_open(url, false, &other), ERR_CONFIG);
    log = unit_stderr_end();
    assert_null(other);
    assert_non_null(strstr(log, "PERCH_TELEGRAM_TOKEN_FILE"));
    assert_non_null(strstr(log, says));
    assert_null(strstr(log, SECRET));
}

static void a_token_is_nobody_elses_business_and_well_formed(void **state)
{
    char longest[BOT_TOKEN_MAX + 2];

    (void)state;
    token_refused(TOKEN, 0644, "chmod 0640");
    token_refused("", 0600, "@BotFather");
    token_refused("123456", 0600, "@BotFather");
    token_refused("123456:", 0600, "@BotFather");
    token_refused(":" SECRET, 0600, "@BotFather");
    token_refused("bot" TOKEN, 0600, "@BotFather");
    token_refused(" " TOKEN, 0600, "@BotFather");
    token_refused(TOKEN "/../x", 0600, "@BotFather");
    token_refused(TOKEN "\n" TOKEN, 0600, "@BotFather");
    memset(longest, 'a', sizeof(longest));
    memcpy(longest, "1:", 2);
    longest[BOT_TOKEN_MAX + 1] = '\0';
    token_refused(longest, 0600, "@BotFather");
    longest[BOT_TOKEN_MAX] = '\0';
    token_write(longest, 0600);
    api_reopen(url);
    token_write(TOKEN " \r\n", 0640);
    api_reopen(url);
    call("getMe", "{}");
    until_told(1);
    assert_string_equal(asked.uri, "/bot" TOKEN "/getMe");
}

static void no_log_and_no_description_has_the_token(void **state)
{
    (void)state;
    unit_stderr_begin();
    server_answers(400, "{\"ok\":false,\"description\":\"no /bot123456%3A" SECRET "/x here\"}");
    call("sendMessage", "{}");
    until_told(1); /* which looks at each description */
    assert_int_equal(told.status, 400);
    assert_true(told.understood);
    server_answers(302, "");
    call("sendMessage", "{}");
    until_told(2);
    server_does.how = CUT_OFF;
    call("sendMessage", "{}");
    until_told(3);
    server_does.how = HANG_UP;
    call("sendMessage", "{}");
    until_told(4);
    server_does.how = SILENT;
    bot_api_call(api, "getUpdates", "{}", 20, on_done, &told);
    until_told(5);
    assert_null(strstr(unit_stderr_end(), SECRET));
}

static void a_secret_is_made_of_the_token_and_the_purpose(void **state)
{
    char secret[BOT_API_SECRET_MAX];
    char other[BOT_API_SECRET_MAX];

    (void)state;
    bot_api_secret(api, "perch webhook", secret); /* HMAC-SHA256, in base64url */
    assert_string_equal(secret, "c6nMcSTMUBywfHZY2njH78f_hN9b3yGo4-lF12fbUmc");
    bot_api_secret(api, "perch webhook 2", other);
    assert_string_not_equal(secret, other);
    token_write("123457:" SECRET "\n", 0600);
    api_reopen(url);
    bot_api_secret(api, "perch webhook", other);
    assert_string_not_equal(secret, other);
}

#define api_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        api_test(a_call_posts_json_and_brings_the_result),
        api_test(a_server_may_live_below_a_path),
        api_test(a_refusal_comes_with_its_status_and_wait),
        api_test(garbage_has_a_status_and_is_not_understood),
        api_test(updates_of_four_mebibytes_arrive),
        api_test(an_answer_may_have_so_many_bytes_and_no_more),
        api_test(a_server_that_is_not_there_was_sent_nothing),
        api_test(a_server_that_speaks_no_tls_was_sent_nothing),
        api_test(a_connection_that_ends_before_the_request_may_have_had_it),
        api_test(a_connection_that_ends_after_the_request_is_no_answer),
        api_test(half_an_answer_is_none),
        api_test(a_request_is_never_repeated_on_another_connection),
        api_test(a_redirect_is_not_followed),
        api_test(a_call_that_takes_too_long_ends),
        api_test(a_proxy_of_the_environment_is_not_used),
        api_test(calls_do_not_wait_for_each_other),
        api_test(the_end_of_a_call_may_begin_another),
        api_test(a_cancelled_call_is_never_told),
        api_test(the_end_of_the_client_ends_its_calls),
        api_test(plain_http_is_for_this_host_or_who_insists),
        api_test(a_token_is_nobody_elses_business_and_well_formed),
        api_test(no_log_and_no_description_has_the_token),
        api_test(a_secret_is_made_of_the_token_and_the_purpose),
    };

    return cmocka_run_group_tests_name("bot_api", tests, group_begin, group_end);
}
