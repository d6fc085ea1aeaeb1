#include "unit.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/clock.h"
#include "fcgi-app/hub_state.h"

static struct hub hub;
static int64_t now;
static int due_count;
static int gone_count;

/* In the place of clock.c: time passes when a test says so. */
int64_t clock_mono_ms(void)
{
    return now;
}

int64_t clock_wall_s(void)
{
    return now / 1000;
}

/* In the place of hub_table.c. */
static void waiter_end(struct waiter *waiter)
{
    hub_wait_remove(hub.wait, waiter);
    close(waiter->fd);
    free(waiter);
}

void hub_waiter_due(struct hub *told, struct waiter *waiter)
{
    assert_ptr_equal(told, &hub);
    due_count++;
    waiter_end(waiter);
}

void hub_waiter_gone(struct hub *told, struct waiter *waiter)
{
    assert_ptr_equal(told, &hub);
    gone_count++;
    waiter_end(waiter);
}

static int begin(void **state)
{
    (void)state;
    now = 123456;
    due_count = gone_count = 0;
    hub = (struct hub){.base = event_base_new()};
    hub.wait = hub_wait_new(&hub);
    return 0;
}

static int end(void **state)
{
    (void)state;
    hub_ended_expire(&hub, INT64_MAX);
    assert_null(hub.ended);
    hub_wait_free(hub.wait);
    event_base_free(hub.base);
    return 0;
}

/* Somebody who waits for this long; the browser's end of the connection. */
static int wait_begin(int64_t wait_ms, struct waiter **ret_waiter)
{
    struct waiter *waiter = calloc(1, sizeof(*waiter) + 2);
    int ends[2];

    assert_non_null(waiter);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
    waiter->fd = ends[1];
    assert_int_equal(hub_wait_add(hub.wait, waiter, now + wait_ms), 0);
    if (ret_waiter != NULL)
        *ret_waiter = waiter;
    return ends[0];
}

/* Lets the wheel turn once, this much later. */
static void turn_after(int64_t ms)
{
    now += ms;
    assert_int_equal(event_base_loop(hub.base, EVLOOP_ONCE), 0);
}

/* Looks at the connections, not at the time. */
static void look(void)
{
    assert_true(event_base_loop(hub.base, EVLOOP_NONBLOCK) >= 0);
}

static void nobody_is_due_early_or_more_than_a_turn_late(void **state)
{
    static const int waits[] = {0, 1, 99, 100, 101, 250, 25000, 50000};

    (void)state;
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        int fd = wait_begin(waits[i], NULL);

        due_count = 0;
        if (waits[i] > 0) {
            turn_after(waits[i] - 1);
            assert_int_equal(due_count, 0);
            turn_after(101);
        } else {
            turn_after(100);
        }
        assert_int_equal(due_count, 1);
        close(fd);
    }
}

static void all_that_are_due_are_told_though_turns_were_missed(void **state)
{
    int fds[20];

    (void)state;
    for (int i = 0; i < 20; i++)
        fds[i] = wait_begin(i * 1000, NULL);
    turn_after(10050);
    assert_int_equal(due_count, 11);
    turn_after(10050);
    assert_int_equal(due_count, 20);
    for (int i = 0; i < 20; i++)
        close(fds[i]);
}

static void a_clock_that_leaps_leaves_nobody_waiting_for_ever(void **state)
{
    int first = wait_begin(50000, NULL);
    int second;

    (void)state;
    turn_after(3600 * 1000);
    assert_int_equal(due_count, 1);
    second = wait_begin(50000, NULL);
    turn_after(-3600 * 1000);
    assert_int_equal(due_count, 2);
    close(first);
    close(second);
}

static void a_closed_connection_is_noticed_and_no_other(void **state)
{
    struct waiter *waiter;
    int stays = wait_begin(1000, &waiter);

    (void)state;
    for (int i = 0; i < 200; i++)
        close(wait_begin(1000, NULL));
    for (int i = 0; i < 10; i++)
        look();
    assert_int_equal(gone_count, 200);
    close(stays);
    look();
    assert_int_equal(gone_count, 201);
}

static void a_connection_that_the_worker_has_open_too_is_forgotten(void **state)
{
    struct waiter *waiter;
    int browser = wait_begin(1000, &waiter);
    int workers = dup(waiter->fd);

    (void)state;
    waiter_end(waiter);
    close(browser);
    look();
    assert_int_equal(gone_count, 0);
    close(workers);
}

static void an_ended_session_is_remembered_for_a_while(void **state)
{
    (void)state;
    hub_ended_add(&hub, 7);
    now += HUB_FOLLOW_MS / 2;
    for (int64_t id = 100; id < 200; id++)
        hub_ended_add(&hub, id);
    hub_ended_add(&hub, 7);
    hub_ended_expire(&hub, now);
    assert_true(hub_ended_has(&hub, 7));
    assert_true(hub_ended_has(&hub, 150));
    assert_false(hub_ended_has(&hub, 8));
    now += HUB_FOLLOW_MS / 2;
    assert_false(hub_ended_has(&hub, 7));
    hub_ended_expire(&hub, now);
    assert_true(hub_ended_has(&hub, 150));
}

#define wait_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        wait_test(nobody_is_due_early_or_more_than_a_turn_late),
        wait_test(all_that_are_due_are_told_though_turns_were_missed),
        wait_test(a_clock_that_leaps_leaves_nobody_waiting_for_ever),
        wait_test(a_closed_connection_is_noticed_and_no_other),
        wait_test(a_connection_that_the_worker_has_open_too_is_forgotten),
        wait_test(an_ended_session_is_remembered_for_a_while),
    };

    return cmocka_run_group_tests_name("hub_wait", tests, NULL, NULL);
}
