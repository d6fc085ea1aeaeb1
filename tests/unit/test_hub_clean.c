#include "unit.h"

#include "common/err.h"
#include "common/store.h"
#include "fake_pg.h"
#include "fcgi-app/hub_house.h"
#include "fcgi-app/hub_state.h"

static const struct conf conf = {.database_url = "postgresql:///test", .event_days = 30};
static struct hub hub;

/* In the place of hub_house.c: the job is run by hand. */
static struct hub_job *added;

void hub_house_add(struct hub_house *house, struct hub_job *job)
{
    (void)house;
    added = job;
}

static int begin(void **state)
{
    (void)state;
    fake_pg_begin();
    added = NULL;
    hub = (struct hub){.conf = &conf, .base = event_base_new()};
    hub.clean = hub_clean_new(&hub);
    return hub.base == NULL;
}

static int end(void **state)
{
    (void)state;
    hub_clean_free(hub.clean);
    event_base_free(hub.base);
    fake_pg_end();
    return 0;
}

static int take_event(const struct event_base *base, const struct event *event, void *argument)
{
    (void)base;
    *(const struct event **)argument = event;
    return 1;
}

/* The only event there is. */
static struct event *timer(void)
{
    const struct event *found = NULL;

    event_base_foreach_event(hub.base, take_event, &found);
    assert_non_null(found);
    return (struct event *)(uintptr_t)found;
}

/* The time has come: nobody waits for it here. */
static void pass_time(void)
{
    event_active(timer(), EV_TIMEOUT, 0);
    assert_true(event_base_loop(hub.base, EVLOOP_NONBLOCK) >= 0);
    assert_non_null(added);
}

/* Not less than 0, and less the longer this machine had something else to do. */
static int due_in_ms(void)
{
    struct timeval at;
    struct timeval now;

    assert_true(event_pending(timer(), EV_TIMEOUT, &at));
    evutil_gettimeofday(&now, NULL);
    int ms = (int)((at.tv_sec - now.tv_sec) * 1000 + (at.tv_usec - now.tv_usec) / 1000);
    return ms > 0 ? ms : 0;
}

static void run(const char *more)
{
    const char *const cells[] = {more};
    struct pg *pg = pg_new("postgresql:///test", "test", &store_profile);
    struct pg_result result = {0};
    short events = 0;

    fake_pg_answer("clean", more != NULL, 1, cells);
    assert_int_equal(added->begin(pg, added->argument), 0);
    assert_int_equal(pg_step(pg, &events, &result), 0);
    assert_string_equal(fake_pg.statement, "clean");
    assert_string_equal(fake_pg.params[0], "30");
    added->done(added->argument, 0, &result);
    pg_result_clear(&result);
    pg_free(pg);
}

static void it_begins_soon_after_the_start(void **state)
{
    (void)state;
    assert_in_range(due_in_ms(), 0, 400);
}

static void more_is_removed_soon(void **state)
{
    (void)state;
    pass_time();
    run("t");
    assert_in_range(due_in_ms(), 0, 20000); /* in proportion to what the batch took */
}

static void when_all_is_clean_it_takes_a_rest(void **state)
{
    (void)state;
    pass_time();
    run("f");
    assert_in_range(due_in_ms(), 30000, 75000);
}

static void a_failure_is_not_tried_again_at_once(void **state)
{
    const struct pg_result none = {0};

    (void)state;
    pass_time();
    added->done(added->argument, ERR_UNAVAILABLE, &none);
    assert_in_range(due_in_ms(), 30000, 75000);
}

#define clean_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        clean_test(it_begins_soon_after_the_start),
        clean_test(more_is_removed_soon),
        clean_test(when_all_is_clean_it_takes_a_rest),
        clean_test(a_failure_is_not_tried_again_at_once),
    };

    return cmocka_run_group_tests_name("hub_clean", tests, NULL, NULL);
}
