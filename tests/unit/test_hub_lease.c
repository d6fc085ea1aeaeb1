#include "unit.h"

#include <hiredis/hiredis.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "common/lease_script.h"
#include "common/loop_redis.h"
#include "fcgi-app/hub_state.h"

enum { PER_CALL = 256, USERS = 600 };

static const struct conf conf = {.redis_prefix = "p:"};
static struct hub hub;
static struct hub_user *users[USERS];
static struct waiter *waiters[USERS];

/* In the place of loop_redis.c: what was sent. */
static const struct loop_redis_calls *calls;
static bool up;
static int changes;     /* calls of lease_script_change since calls_clear() */
static int changes_max; /* most in one call */
static int changed;     /* in all of them */
static struct buf last; /* their lines, each with a newline */

struct loop_redis *loop_redis_new(struct event_base *of, const struct redis_address *address,
                                  const struct loop_redis_calls *link_calls, void *argument)
{
    (void)of;
    (void)address;
    (void)argument;
    calls = link_calls;
    return NULL;
}

void loop_redis_free(struct loop_redis *link)
{
    (void)link;
}

bool loop_redis_is_up(const struct loop_redis *link)
{
    (void)link;
    return up;
}

void loop_redis_send(struct loop_redis *link, const char *format, ...)
{
    va_list arguments;
    const char *text;
    size_t length;
    int count = 0;

    (void)link;
    va_start(arguments, format);
    if (va_arg(arguments, const char *) == lease_script_change) {
        (void)va_arg(arguments, const char *);
        text = va_arg(arguments, const char *);
        length = va_arg(arguments, size_t);
        for (size_t at = 0; at < length; at += strlen(text + at) + 1, count++)
            buf_addf(&last, "%s\n", text + at);
        changes++;
        changed += count;
        changes_max = count > changes_max ? count : changes_max;
    }
    va_end(arguments);
}

/* In the place of hub_announce.c and hub_table.c. */
bool hub_announce_is_idle(const struct hub_announce *announce)
{
    (void)announce;
    return true;
}

void hub_announce_claims(struct hub_announce *announce, const char *lines)
{
    (void)announce;
    (void)lines;
}

struct hub_user *hub_user_find(struct hub *of, int64_t user_id)
{
    struct hub_user *user = NULL;

    HASH_FIND(hh, of->users, &user_id, sizeof(user_id), user);
    return user;
}

static void calls_clear(void)
{
    changes = changes_max = changed = 0;
    buf_clear(&last);
    buf_adds(&last, "");
}

/* Turns the loop as long as something is ready. */
static void loop_turn(void)
{
    for (int i = 0; i < 4; i++)
        assert_true(event_base_loop(hub.base, EVLOOP_NONBLOCK) >= 0);
}

static void answer(int type, char *text, long long integer)
{
    redisReply reply = {.type = type, .str = text, .integer = integer};

    calls->answer(hub.lease, &reply);
    loop_turn();
}

static void turn_answered(const char *since)
{
    char text[32];

    snprintf(text, sizeof(text), "%s 1000", since);
    answer(REDIS_REPLY_STRING, text, 0);
}

static void change_answered(void)
{
    answer(REDIS_REPLY_INTEGER, NULL, -1);
}

static int begin(void **state)
{
    (void)state;
    hub = (struct hub){.conf = &conf, .base = event_base_new()};
    hub.lease = hub_lease_new(&hub, NULL);
    up = true;
    calls_clear();
    calls->up(hub.lease);
    loop_turn();
    return 0;
}

static int end(void **state)
{
    (void)state;
    hub_lease_free(hub.lease);
    HASH_CLEAR(hh, hub.users);
    for (int i = 0; i < USERS; i++) {
        free(users[i]);
        free(waiters[i]);
        users[i] = NULL;
        waiters[i] = NULL;
    }
    hub_ended_expire(&hub, INT64_MAX);
    event_base_free(hub.base);
    buf_release(&last);
    return 0;
}

static struct waiter *user_waits(int64_t id, const char *tab)
{
    struct hub_user *user = calloc(1, sizeof(*user));
    struct waiter *waiter = calloc(1, sizeof(*waiter) + 8);

    user->id = id;
    TAILQ_INIT(&user->waiters);
    HASH_ADD(hh, hub.users, id, sizeof(user->id), user);
    *waiter = (struct waiter){.user = user, .session_id = 3, .seq = 41, .presence = PRESENCE_IDLE};
    waiter->poll_id = 9;
    waiter->tab_size = (uint8_t)(strlen(tab) + 1);
    memcpy(waiter->texts, tab, waiter->tab_size);
    TAILQ_INSERT_TAIL(&user->waiters, waiter, of_user);
    user->waiter_count++;
    users[id - 1] = user;
    waiters[id - 1] = waiter;
    return waiter;
}

static void crowd(void)
{
    for (int i = 0; i < USERS; i++)
        user_waits(i + 1, "t");
}

static void leases_are_written_again_one_call_after_the_other(void **state)
{
    (void)state;
    crowd();
    turn_answered("1700000000000");
    for (int step = 1; step <= 3; step++) {
        assert_int_equal(changes, step); /* not before the one before is answered */
        assert_true(changes_max <= PER_CALL);
        change_answered();
    }
    assert_int_equal(changes, 3);
    assert_int_equal(changed, USERS);
    assert_non_null(strstr(last.data, "p 600 58000 0 41 9 1 3:t\n"));
    turn_answered("1700000000000"); /* nothing was lost */
    assert_int_equal(changes, 3);
}

static void what_happens_meanwhile_goes_out_and_stays_in_order(void **state)
{
    (void)state;
    crowd();
    turn_answered("1700000000000");
    calls_clear();
    hub_lease_cut(hub.lease, waiters[0]);
    loop_turn();
    assert_string_equal(last.data, "c 1 8000 9 3:t\n");
    change_answered(); /* of the step; that of the cut is still to come */
    assert_int_equal(changed, 1 + PER_CALL);
}

static void an_error_or_a_lost_connection_ends_the_rewriting(void **state)
{
    char refusal[] = "OOM";

    (void)state;
    crowd();
    turn_answered("1700000000000");
    unit_stderr_begin();
    answer(REDIS_REPLY_ERROR, refusal, 0);
    assert_non_null(strstr(unit_stderr_end(), "OOM"));
    assert_null(hub.rewrite_next);
    turn_answered("1700000000000"); /* from the first one on */
    calls_clear();
    unit_stderr_begin();
    up = false;
    calls->away(hub.lease);
    assert_non_null(strstr(unit_stderr_end(), "connection to Redis is gone"));
    assert_null(hub.rewrite_next);
    loop_turn();
    assert_int_equal(changes, 0);
}

static void a_lease_handed_over_late_is_over_and_spoils_no_other(void **state)
{
    (void)state;
    hub_lease_put(hub.lease, user_waits(1, "t"), -20000);
    loop_turn();
    assert_string_equal(last.data, "p 1 0 0 41 9 0 3:t\n");
}

static void polls_without_a_tab_have_leases_of_their_own(void **state)
{
    struct waiter *waiter = user_waits(1, "");

    (void)state;
    hub_lease_put(hub.lease, waiter, 1000);
    hub_lease_cut(hub.lease, waiter);
    hub_lease_drop(hub.lease, waiter);
    loop_turn();
    assert_string_equal(last.data, "p 1 9000 0 41 9 0 3:9\nc 1 8000 9 3:9\nd 1 9 3:9\n");
}

static void whose_session_has_ended_gets_no_lease_afterwards(void **state)
{
    struct handoff_lease end = {.change = LEASE_END, .user_id = 1, .session_id = 3};
    struct handoff_lease seen = {
        .change = LEASE_SEEN, .user_id = 1, .session_id = 3, .presence = PRESENCE_IDLE, .tab = "t"};

    (void)state;
    hub_lease_take(hub.lease, &seen);
    hub_lease_take(hub.lease, &end);
    hub_lease_take(hub.lease, &seen);
    loop_turn();
    assert_string_equal(last.data, "p 1 8000 0 0 0 0 3:t\ne 1 3\n");
}

#define lease_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        lease_test(leases_are_written_again_one_call_after_the_other),
        lease_test(what_happens_meanwhile_goes_out_and_stays_in_order),
        lease_test(an_error_or_a_lost_connection_ends_the_rewriting),
        lease_test(polls_without_a_tab_have_leases_of_their_own),
        lease_test(whose_session_has_ended_gets_no_lease_afterwards),
        lease_test(a_lease_handed_over_late_is_over_and_spoils_no_other),
    };

    return cmocka_run_group_tests_name("hub_lease", tests, NULL, NULL);
}
