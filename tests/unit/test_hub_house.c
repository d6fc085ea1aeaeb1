#include "unit.h"

#include "common/err.h"
#include "fake_pg.h"
#include "fcgi-app/hub_house.h"
#include "fcgi-app/hub_state.h"

static const struct conf conf = {.database_url = "postgresql:///test"};
static const struct pg_statement statement = {"clean", "SELECT 1"};
static struct hub hub;
static char order[16]; /* the names of the jobs that were done */
static size_t order_length;
static int last_err;
static struct hub_job *again; /* added once more when it is done */

static int begin_job(struct pg *pg, void *argument)
{
    struct pg_params params = {0};

    pg_add_text(&params, argument);
    return pg_start(pg, &statement, &params);
}

static void job_done(void *argument, int err, const struct pg_result *result)
{
    (void)result;
    assert_true(order_length + 1 < sizeof(order));
    order[order_length++] = *(const char *)argument;
    order[order_length] = '\0';
    last_err = err;
    if (again != NULL && again->argument == argument) {
        hub_house_add(hub.house, again);
        again = NULL;
    }
}

static struct hub_job job(const char *name)
{
    return (struct hub_job){
        .begin = begin_job, .done = job_done, .argument = (void *)(uintptr_t)name};
}

static int begin(void **state)
{
    (void)state;
    fake_pg_begin();
    order[0] = '\0';
    order_length = 0;
    again = NULL;
    hub = (struct hub){.conf = &conf, .base = event_base_new()};
    hub.house = hub_house_new(&hub);
    return hub.base == NULL;
}

static int end(void **state)
{
    (void)state;
    hub_house_free(hub.house);
    event_base_free(hub.base);
    fake_pg_end();
    return 0;
}

/* Turns the loop as long as something is ready without waiting. */
static void loop_turn(void)
{
    for (int i = 0; i < 16; i++)
        assert_true(event_base_loop(hub.base, EVLOOP_NONBLOCK) >= 0);
}

static void jobs_run_one_after_another_on_one_connection(void **state)
{
    struct hub_job a = job("a");
    struct hub_job b = job("b");
    struct hub_job c = job("c");

    (void)state;
    hub_house_add(hub.house, &a);
    hub_house_add(hub.house, &b);
    hub_house_add(hub.house, &c);
    loop_turn();
    assert_string_equal(order, "abc");
    assert_int_equal(fake_pg.runs, 3);
    assert_int_equal(fake_pg.connects, 1);
}

static void a_job_that_waits_is_not_added_twice(void **state)
{
    struct hub_job a = job("a");
    struct hub_job b = job("b");

    (void)state;
    hub_house_add(hub.house, &a);
    hub_house_add(hub.house, &b);
    hub_house_add(hub.house, &b);
    hub_house_add(hub.house, &a);
    loop_turn();
    assert_string_equal(order, "ab");
}

static void a_job_added_when_done_waits_behind_the_others(void **state)
{
    struct hub_job a = job("a");
    struct hub_job b = job("b");

    (void)state;
    again = &a;
    hub_house_add(hub.house, &a);
    hub_house_add(hub.house, &b);
    loop_turn();
    assert_string_equal(order, "aba");
}

static void a_failure_is_told_and_the_next_has_its_turn(void **state)
{
    struct hub_job a = job("a");
    struct hub_job b = job("b");

    (void)state;
    fake_pg.refuses = true;
    unit_stderr_begin();
    hub_house_add(hub.house, &a);
    hub_house_add(hub.house, &b);
    loop_turn();
    unit_stderr_end();
    assert_string_equal(order, "ab");
    assert_int_equal(last_err, ERR_UNAVAILABLE);
}

static void an_ending_hub_begins_nothing(void **state)
{
    struct hub_job a = job("a");

    (void)state;
    hub.ending = true;
    hub_house_add(hub.house, &a);
    loop_turn();
    assert_string_equal(order, "");
    assert_int_equal(fake_pg.connects, 0);
}

#define house_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        house_test(jobs_run_one_after_another_on_one_connection),
        house_test(a_job_that_waits_is_not_added_twice),
        house_test(a_job_added_when_done_waits_behind_the_others),
        house_test(a_failure_is_told_and_the_next_has_its_turn),
        house_test(an_ending_hub_begins_nothing),
    };

    return cmocka_run_group_tests_name("hub_house", tests, NULL, NULL);
}
