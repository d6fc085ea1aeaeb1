/* Whoever asks stands in the same loop as the server. */
#include "unit.h"

#include <event2/event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "fake_pg.h"
#include "notifier/metrics_server.h"

#define ASK "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"

enum { GUARD_S = 60, ASKERS = 3 };

static char folder[UNIT_TMP_BYTES];
static char path[UNIT_TMP_BYTES + 16];
static struct event_base *base;
static struct event *guard; /* should something never happen */
static struct metrics metrics;
static struct metrics_server *server;

struct asker {
    int fd;
    struct event *event;
    bool ended;
    size_t length;
    char reply[16384];
};

static struct asker askers[ASKERS];

static void on_guard(evutil_socket_t fd, short what, void *argument)
{
    (void)fd;
    (void)what;
    (void)argument;
    fail_msg("nothing happened for %d s", GUARD_S);
}

static int group_begin(void **state)
{
    (void)state;
    unit_tmp(folder, "perch-metrics");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(path, sizeof(path), "%s/metrics.sock", folder);
    return 0;
}

static int group_end(void **state)
{
    (void)state;
    return rmdir(folder);
}

static int begin(void **state)
{
    const struct timeval patience = {.tv_sec = GUARD_S};

    (void)state;
    fake_pg_begin();
    metrics = (struct metrics){.leader = true};
    server = NULL;
    base = event_base_new();
    guard = event_new(base, -1, 0, on_guard, NULL);
    event_add(guard, &patience);
    for (int i = 0; i < ASKERS; i++)
        askers[i] = (struct asker){.fd = -1};
    return 0;
}

static int end(void **state)
{
    (void)state;
    metrics_server_free(server);
    for (int i = 0; i < ASKERS; i++) {
        if (askers[i].event != NULL)
            event_free(askers[i].event);
        if (askers[i].fd >= 0)
            close(askers[i].fd);
    }
    event_free(guard);
    event_base_free(base);
    fake_pg_end();
    return 0;
}

static int server_open(const char *place, struct metrics_server **ret_server)
{
    return metrics_server_new(base, place, "postgresql:///test", &metrics, ret_server);
}

static void on_reply(evutil_socket_t fd, short what, void *argument)
{
    struct asker *asker = argument;
    ssize_t got = recv(fd, asker->reply + asker->length, sizeof(asker->reply) - 1 - asker->length,
                       MSG_DONTWAIT);

    (void)what;
    assert_true(got >= 0);
    asker->length += (size_t)got;
    asker->ended = got == 0;
    if (asker->ended)
        event_del(asker->event);
}

static struct asker *ask(int number, const char *request)
{
    struct asker *asker = &askers[number];
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    asker->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(asker->fd, (struct sockaddr *)&address, sizeof(address)), 0);
    assert_int_equal(send(asker->fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
    asker->event = event_new(base, asker->fd, EV_READ | EV_PERSIST, on_reply, asker);
    event_add(asker->event, NULL);
    return asker;
}

static const char *reply_of(struct asker *asker)
{
    while (!asker->ended)
        assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
    return asker->reply;
}

static void assert_has(const char *reply, const char *text)
{
    if (strstr(reply, text) == NULL)
        fail_msg("no '%s' in:\n%s", text, reply);
}

static const char *const counts[] = {"7", "0", "2", "0", "5", "1"};

static void the_answer_has_the_counters_and_what_waits(void **state)
{
    const char *reply;

    (void)state;
    fake_pg_answer("notifier_counts", 1, COUNT(counts), counts);
    assert_int_equal(server_open(path, &server), 0);
    metrics_count(&metrics, METRICS_MESSAGE, BOT_OK);
    reply = reply_of(ask(0, ASK));
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    assert_has(reply, "Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n");
    assert_has(reply, "\nperch_notifier_leader 1\n");
    assert_has(reply, "\nperch_notifier_sent_total{kind=\"message\"} 1\n");
    assert_has(reply, "\nperch_notifier_database_up 1\n");
    assert_has(reply, "\nperch_notifier_queue_length 7\n");
    assert_has(reply, "\nperch_notifier_queue_oldest_seconds 0.000\n");
    assert_has(reply, "\nperch_notifier_says_waiting 2\n");
    assert_has(reply, "\nperch_notifier_dead_letters 5\n");
    assert_has(reply, "\nperch_notifier_updates_waiting 1\n");
}

static void without_postgresql_the_answer_has_the_counters_alone(void **state)
{
    const char *reply;

    (void)state;
    fake_pg.refuses = true;
    assert_int_equal(server_open(path, &server), 0);
    unit_stderr_begin();
    reply = reply_of(ask(0, ASK));
    unit_stderr_end();
    assert_has(reply, "HTTP/1.1 200 OK\r\n");
    assert_has(reply, "\nperch_notifier_database_up 0\n");
    assert_has(reply, "\nperch_notifier_updates_total 0\n");
    assert_null(strstr(reply, "queue"));
}

static void nothing_is_asked_of_postgresql_until_somebody_asks(void **state)
{
    (void)state;
    assert_int_equal(server_open(path, &server), 0);
    assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
    assert_int_equal(fake_pg.connects, 0);
}

static void who_asks_meanwhile_gets_the_same_answer(void **state)
{
    (void)state;
    fake_pg_answer("notifier_counts", 1, COUNT(counts), counts);
    assert_int_equal(server_open(path, &server), 0);
    fake_pg.slow = true;
    for (int i = 0; i < ASKERS; i++)
        ask(i, ASK);
    for (int i = 0; i < ASKERS; i++)
        assert_has(reply_of(&askers[i]), "\nperch_notifier_database_up 1\n");
    assert_int_equal(fake_pg.connects, 1);
    assert_true(fake_pg.runs <= 2); /* that the first had been answered before the last was heard
                                       is possible, and fine */
}

static void somebody_who_leaves_without_waiting_harms_nobody(void **state)
{
    (void)state;
    fake_pg.silent = true;
    assert_int_equal(server_open(path, &server), 0);
    ask(0, ASK);
    while (fake_pg.connects == 0)
        assert_true(event_base_loop(base, EVLOOP_ONCE) >= 0);
    event_free(askers[0].event);
    askers[0].event = NULL;
    close(askers[0].fd);
    askers[0].fd = -1;
    for (int i = 0; i < 8; i++)
        assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
    /* And the server ends with that question still open. */
}

static void there_is_nothing_else_to_be_had(void **state)
{
    (void)state;
    assert_int_equal(server_open(path, &server), 0);
    assert_has(reply_of(ask(0, "GET / HTTP/1.0\r\n\r\n")), " 404 ");
    assert_has(reply_of(ask(1, "DELETE /metrics HTTP/1.0\r\n\r\n")), " 501 ");
    assert_has(reply_of(ask(2, "nonsense\r\n\r\n")), " 400 ");
    assert_int_equal(fake_pg.connects, 0);
}

static void the_socket_is_for_owner_and_group_and_goes_with_the_server(void **state)
{
    struct stat info;

    (void)state;
    assert_int_equal(server_open(path, &server), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0660);
    metrics_server_free(server);
    server = NULL;
    assert_int_equal(stat(path, &info), -1);
}

static void two_cannot_listen_at_one_place(void **state)
{
    struct metrics_server *other = NULL;

    (void)state;
    assert_int_equal(server_open(path, &server), 0);
    unit_stderr_begin();
    assert_int_equal(server_open(path, &other), ERR_CONFIG);
    assert_non_null(strstr(unit_stderr_end(), "another process serves there"));
    assert_null(other);
}

static void only_places_of_this_host_are_taken(void **state)
{
    static const char *const places[] = {"10.0.0.1:9464", "0.0.0.0:9464", "[::]:9464", "9464",
                                         "localhost:9464"};

    (void)state;
    for (size_t i = 0; i < COUNT(places); i++) {
        const char *line;

        unit_stderr_begin();
        assert_int_equal(server_open(places[i], &server), ERR_CONFIG);
        line = unit_stderr_end();
        assert_non_null(strstr(line, "PERCH_NOTIFIER_METRICS="));
        assert_non_null(strstr(line, places[i]));
        assert_null(server);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {
        TEST(the_answer_has_the_counters_and_what_waits),
        TEST(without_postgresql_the_answer_has_the_counters_alone),
        TEST(nothing_is_asked_of_postgresql_until_somebody_asks),
        TEST(who_asks_meanwhile_gets_the_same_answer),
        TEST(somebody_who_leaves_without_waiting_harms_nobody),
        TEST(there_is_nothing_else_to_be_had),
        TEST(the_socket_is_for_owner_and_group_and_goes_with_the_server),
        TEST(two_cannot_listen_at_one_place),
        TEST(only_places_of_this_host_are_taken),
    };

    log_open("test", LOG_LEVEL_INFO);
    return cmocka_run_group_tests_name("metrics_server", tests, group_begin, group_end);
}
