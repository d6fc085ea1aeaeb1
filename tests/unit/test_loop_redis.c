#include "unit.h"

#include <errno.h>
#include <event2/event.h>
#include <hiredis/hiredis.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/buf.h"
#include "common/clock.h"
#include "common/loop_redis.h"

#define PING  "*1\r\n$4\r\nPING\r\n"
#define HELLO "*2\r\n$4\r\nECHO\r\n$5\r\nhello\r\n"

static char folder[UNIT_TMP_BYTES];
static struct redis_address address;
static int server = -1; /* listens in the place of Redis */
static int line = -1;   /* the connection it took last */
static struct event_base *base;
static struct loop_redis *redis;
static int ups;
static int aways;
static int64_t now;
static struct buf answers; /* each with a space */

/* In the place of clock.c: time passes when a test says so. */
int64_t clock_mono_ms(void)
{
    return now;
}

int64_t clock_wall_s(void)
{
    return now / 1000;
}

static void on_up(void *argument)
{
    assert_ptr_equal(argument, &answers);
    ups++;
}

static void on_away(void *argument)
{
    assert_ptr_equal(argument, &answers);
    assert_false(loop_redis_is_up(redis));
    aways++;
}

static void on_answer(void *argument, const redisReply *reply)
{
    assert_ptr_equal(argument, &answers);
    buf_adds(&answers, reply->type == REDIS_REPLY_ARRAY ? reply->element[2]->str : reply->str);
    buf_adds(&answers, " ");
}

static const struct loop_redis_calls calls = {on_up, on_away, on_answer};

static int group_begin(void **state)
{
    const struct sigaction ignore = {.sa_handler = SIG_IGN};

    (void)state;
    sigaction(SIGPIPE, &ignore, NULL); /* as the programs do */
    unit_tmp(folder, "perch-link");
    if (mkdtemp(folder) == NULL)
        return -1;
    snprintf(address.host, sizeof(address.host), "%s/s", folder);
    return 0;
}

static int group_end(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void server_start(void)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};

    server = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    memcpy(at.sun_path, address.host, strlen(address.host));
    assert_int_equal(bind(server, (struct sockaddr *)&at, sizeof(at)), 0);
    assert_int_equal(listen(server, 8), 0);
}

static void server_stop(void)
{
    if (line >= 0)
        close(line);
    if (server >= 0) {
        close(server);
        unlink(address.host);
    }
    line = server = -1;
}

static int begin(void **state)
{
    (void)state;
    ups = aways = 0;
    buf_clear(&answers);
    buf_adds(&answers, "");
    base = event_base_new();
    return 0;
}

static int end(void **state)
{
    (void)state;
    if (redis != NULL)
        loop_redis_free(redis);
    redis = NULL;
    server_stop();
    event_base_free(base);
    buf_release(&answers);
    return 0;
}

/* Turns the loop as long as something is ready. */
static void turn(void)
{
    for (int i = 0; i < 8; i++)
        assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

/* Until the link's next tick. */
static void tick(void)
{
    assert_int_equal(event_base_loop(base, EVLOOP_ONCE), 0);
    turn();
}

/* What the server got since. */
static const char *heard(void)
{
    static char text[4096];
    ssize_t length;

    turn();
    length = recv(line, text, sizeof(text) - 1, MSG_DONTWAIT);
    text[length > 0 ? length : 0] = '\0';
    return text;
}

static void say(const char *text)
{
    assert_int_equal(send(line, text, strlen(text), MSG_NOSIGNAL), strlen(text));
    turn();
}

static void server_take(void)
{
    if (line >= 0)
        close(line);
    line = accept(server, NULL, NULL);
    assert_true(line >= 0);
    assert_string_equal(heard(), PING);
}

/* A link that is up. */
static void link_open(void)
{
    server_start();
    redis = loop_redis_new(base, &address, &calls, &answers);
    server_take();
    say("+PONG\r\n");
    assert_true(loop_redis_is_up(redis));
}

static void a_link_is_up_with_the_first_answer(void **state)
{
    (void)state;
    server_start();
    redis = loop_redis_new(base, &address, &calls, &answers);
    server_take();
    assert_false(loop_redis_is_up(redis));
    loop_redis_send(redis, "ECHO %s", "lost"); /* not yet */
    say("+PO");
    assert_int_equal(ups, 0);
    say("NG\r\n");
    assert_int_equal(ups, 1);
    assert_true(loop_redis_is_up(redis));
    assert_string_equal(heard(), "");
}

static void a_redis_that_is_loading_is_not_up(void **state)
{
    (void)state;
    server_start();
    redis = loop_redis_new(base, &address, &calls, &answers);
    server_take();
    say("-LOADING Redis is loading the dataset in memory\r\n");
    assert_string_equal(answers.data, "");
    assert_int_equal(ups, 0);
    tick(); /* asks again, on a new connection */
    server_take();
    say("+PONG\r\n");
    assert_int_equal(ups, 1);
    assert_int_equal(aways, 0);
}

static void answers_and_messages_come_in_their_order(void **state)
{
    (void)state;
    link_open();
    loop_redis_send(redis, "ECHO %s", "hello");
    loop_redis_send(redis, "ECHO %s", "hello");
    assert_string_equal(heard(), HELLO HELLO);
    say("$5\r\nfirst\r\n*3\r\n$7\r\nmessage\r\n$3\r\np:u\r\n$4\r\nwoke\r\n$6\r\nsec");
    assert_string_equal(answers.data, "first woke ");
    say("ond\r\n*2\r\n$4\r\npong\r\n$0\r\n\r\n+PONG\r\n");
    assert_string_equal(answers.data, "first woke second ");
    assert_int_equal(ups, 1);
    assert_int_equal(aways, 0);
}

static void a_redis_that_answers_is_asked_every_second(void **state)
{
    (void)state;
    link_open();
    for (int i = 0; i < 2; i++) {
        while (heard()[0] == '\0')
            tick();
        say("+PONG\r\n");
    }
    assert_int_equal(aways, 0);
    assert_true(loop_redis_is_up(redis));
}

static void a_redis_that_goes_silent_is_left_and_connected_anew(void **state)
{
    (void)state;
    link_open();
    while (heard()[0] == '\0')
        tick();
    assert_int_equal(aways, 0);
    tick(); /* no answer within LOOP_REDIS_PONG_MS */
    assert_int_equal(aways, 1);
    assert_false(loop_redis_is_up(redis));
    server_take(); /* at once */
    assert_int_equal(ups, 1);
    say("+PONG\r\n");
    assert_int_equal(ups, 2);
}

static void a_redis_that_is_busy_answering_is_there(void **state)
{
    (void)state;
    link_open();
    loop_redis_send(redis, "ECHO %s", "hello");
    while (strstr(heard(), PING) == NULL)
        tick();
    say("$5\r\nhello\r\n"); /* the pong comes behind it, late */
    tick();
    assert_int_equal(aways, 0);
    while (strstr(heard(), PING) == NULL)
        tick();
    tick();
    assert_int_equal(aways, 1);
}

static void a_loop_that_was_itself_too_busy_waits_once_more(void **state)
{
    (void)state;
    link_open();
    while (heard()[0] == '\0')
        tick();
    now += 3000;
    tick();
    assert_int_equal(aways, 0);
    tick();
    assert_int_equal(aways, 1);
}

static void a_redis_that_hangs_up_or_talks_nonsense_is_away(void **state)
{
    (void)state;
    link_open();
    close(line);
    line = -1;
    turn();
    assert_int_equal(aways, 1);
    tick();
    server_take();
    say("+PONG\r\n");
    say("nonsense\r\n");
    assert_int_equal(aways, 2);
    tick();
    server_take();
    assert_int_equal(aways, 2); /* it was not up again */
}

static void a_redis_that_is_not_there_is_tried_again(void **state)
{
    (void)state;
    redis = loop_redis_new(base, &address, &calls, &answers);
    tick();
    tick();
    assert_int_equal(aways, 0);
    server_start();
    tick();
    server_take();
    say("+PONG\r\n");
    assert_int_equal(ups, 1);
}

#define link_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        link_test(a_link_is_up_with_the_first_answer),
        link_test(a_redis_that_is_loading_is_not_up),
        link_test(answers_and_messages_come_in_their_order),
        link_test(a_redis_that_answers_is_asked_every_second),
        link_test(a_redis_that_goes_silent_is_left_and_connected_anew),
        link_test(a_redis_that_is_busy_answering_is_there),
        link_test(a_loop_that_was_itself_too_busy_waits_once_more),
        link_test(a_redis_that_hangs_up_or_talks_nonsense_is_away),
        link_test(a_redis_that_is_not_there_is_tried_again),
    };

    return cmocka_run_group_tests_name("loop_redis", tests, group_begin, group_end);
}
