#include "unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "fcgi-app/hub_state.h"

static struct hub hub;
static struct hub_user user;
static struct hub_user others[2];
static struct hub_user *told; /* the last one */
static struct buf reply;
static int64_t now; /* of the clock below */
static int answers;

int64_t clock_mono_ms(void)
{
    return now;
}

/* In the place of hub_table.c: everybody is answered, with the news. */
void hub_user_tell(struct hub *of, struct hub_user *who)
{
    assert_ptr_equal(of, &hub);
    told = who;
    answers++;
    buf_clear(&reply);
    hub_news_render(&reply, who, true);
    who->waiter_count = 0;
    hub_news_settle(who);
}

static int begin(void **state)
{
    (void)state;
    hub = (struct hub){0};
    user = (struct hub_user){.id = 5, .waiter_count = 1};
    TAILQ_INIT(&hub.news);
    now = 1000000;
    answers = 0;
    buf_clear(&reply);
    return 0;
}

static int end(void **state)
{
    (void)state;
    hub_news_free(&hub, &user);
    assert_true(TAILQ_EMPTY(&hub.news));
    buf_release(&reply);
    return 0;
}

static void tell(int64_t about, char state, bool urgent)
{
    const struct wake wake = {
        .kind = WAKE_PRESENCE,
        .presence = {.user_id = about, .seen_ms = 0, .state = state, .urgent = urgent}};

    hub_news_add(&hub, &user, &wake);
}

/* The user is back at a poll `after_ms` later. */
static void back(int after_ms)
{
    now += after_ms;
    user.waiter_count = 1;
    hub_news_tell(&hub, &user);
}

#define OF(id, online, active)                                                         \
    "{\"type\":\"presence\",\"id\":" #id ",\"online\":" #online ",\"active\":" #active \
    ",\"last_seen_at\":\"1970-01-01T00:00:00.000Z\"}"

/* What a reply that goes out anyhow takes along. */
static void assert_rides(bool first, const char *json)
{
    buf_clear(&reply);
    buf_adds(&reply, "");
    hub_news_render(&reply, &user, first);
    assert_string_equal(reply.data, json);
}

static void who_comes_wakes_at_once(void **state)
{
    (void)state;
    tell(7, 'i', true);
    assert_int_equal(answers, 1);
    assert_string_equal(reply.data, OF(7, true, false));
    back(1);
    assert_int_equal(answers, 1);
    assert_rides(true, "");
}

static void another_wake_comes_10_seconds_later_with_the_last_word_about_each(void **state)
{
    (void)state;
    tell(7, 'i', true);
    back(100);
    tell(8, 'a', true);
    tell(7, '0', true);
    tell(8, '0', true);
    tell(8, 'i', true);
    assert_int_equal(answers, 1);
    back(9000);
    hub_news_sweep(&hub);
    assert_int_equal(answers, 1);
    now += 900;
    hub_news_sweep(&hub);
    assert_int_equal(answers, 2);
    assert_string_equal(reply.data, OF(7, false, false) "," OF(8, true, false));
}

static void idle_and_active_wake_nobody_and_ride_along(void **state)
{
    (void)state;
    tell(7, 'a', false);
    back(60000);
    hub_news_sweep(&hub);
    assert_int_equal(answers, 0);
    assert_rides(false, "," OF(7, true, true));
}

static void what_no_reply_has_taken_is_kept(void **state)
{
    (void)state;
    user.waiter_count = 0;
    tell(7, 'i', true);
    assert_int_equal(answers, 0);
    hub_news_settle(&user); /* a poll whose browser went away */
    back(30);
    assert_int_equal(answers, 1);
    assert_string_equal(reply.data, OF(7, true, false));
}

static void while_others_wait_it_is_kept_for_them(void **state)
{
    (void)state;
    user.waiter_count = 2;
    tell(7, 'a', false);
    assert_rides(true, OF(7, true, true));
    assert_rides(true, OF(7, true, true));
    hub_news_settle(&user);
    assert_rides(true, "");
}

static void the_newest_about_32_people_are_kept(void **state)
{
    (void)state;
    for (int id = 1; id <= 40; id++)
        tell(id, 'a', false);
    buf_clear(&reply);
    hub_news_render(&reply, &user, true);
    assert_null(strstr(reply.data, "\"id\":8,"));
    assert_non_null(strstr(reply.data, "{\"type\":\"presence\",\"id\":9,"));
    assert_non_null(strstr(reply.data, "\"id\":40,"));
}

static void nothing_is_kept_for_users_without_news(void **state)
{
    (void)state;
    tell(7, 'i', true);
    hub_news_sweep(&hub);
    assert_non_null(user.news);
    now += 10000;
    hub_news_sweep(&hub);
    assert_null(user.news);
}

static void come(struct hub_user *who, int64_t at)
{
    const struct wake wake = {.kind = WAKE_PRESENCE,
                              .presence = {.user_id = 7, .state = 'i', .urgent = true}};

    now = at;
    hub_news_add(&hub, who, &wake);
    who->waiter_count = 1;
}

static void each_receiver_is_woken_when_its_own_time_has_come(void **state)
{
    struct hub_user *early = &user;
    struct hub_user *late = &others[0];
    struct hub_user *absent = &others[1];

    (void)state;
    *late = (struct hub_user){.id = 6, .waiter_count = 1};
    *absent = (struct hub_user){.id = 8};
    come(early, 1000000); /* told at once, and back at a poll */
    come(late, 1005000);
    assert_int_equal(answers, 2);
    come(absent, 1009000); /* nobody waited when it came */
    absent->waiter_count = 0;
    come(early, 1009100);
    come(late, 1009200);
    hub_news_sweep(&hub);
    assert_int_equal(answers, 2);
    now = 1010000;
    hub_news_sweep(&hub);
    assert_int_equal(answers, 3);
    assert_ptr_equal(told, early);
    now = 1014900;
    hub_news_sweep(&hub);
    assert_int_equal(answers, 3);
    now = 1015000;
    hub_news_sweep(&hub);
    assert_int_equal(answers, 4);
    assert_ptr_equal(told, late);
    absent->waiter_count = 1;
    hub_news_sweep(&hub);
    assert_int_equal(answers, 5);
    assert_ptr_equal(told, absent);
    hub_news_free(&hub, late);
    hub_news_free(&hub, absent);
}

#define news_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        news_test(each_receiver_is_woken_when_its_own_time_has_come),
        news_test(who_comes_wakes_at_once),
        news_test(another_wake_comes_10_seconds_later_with_the_last_word_about_each),
        news_test(idle_and_active_wake_nobody_and_ride_along),
        news_test(what_no_reply_has_taken_is_kept),
        news_test(while_others_wait_it_is_kept_for_them),
        news_test(the_newest_about_32_people_are_kept),
        news_test(nothing_is_kept_for_users_without_news),
    };

    return cmocka_run_group_tests_name("hub_news", tests, NULL, NULL);
}
