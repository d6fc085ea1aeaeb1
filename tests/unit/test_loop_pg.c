#include "unit.h"

#include <event2/event.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"
#include "common/loop_pg.h"
#include "fake_pg.h"

static const struct pg_statement statement = {"event_verify", "SELECT 1"};
static const struct pg_statement *const statements[] = {&statement, NULL};
static const struct pg_statement *const *const tables[] = {statements, NULL};
static const struct pg_profile profile = {"SET search_path = perch", tables};
static struct event_base *base;
static struct loop_pg *database;

static struct {
    int count;
    int err;
    int rows;
    char text[8]; /* the first cell */
    bool again;   /* start another one when this is done */
} told;

static int start_it(struct pg *pg, void *argument)
{
    struct pg_params params = {0};

    pg_add_text(&params, argument);
    return pg_start(pg, &statement, &params);
}

static void take_it(void *argument, int err, const struct pg_result *result)
{
    assert_true(loop_pg_is_idle(database));
    told.count++;
    told.err = err;
    told.rows = result->rows;
    if (result->rows > 0)
        snprintf(told.text, sizeof(told.text), "%s", pg_text(result, 0, 0));
    if (told.again) {
        told.again = false;
        loop_pg_start(database, start_it, take_it, argument);
    }
}

static int begin(void **state)
{
    (void)state;
    fake_pg_begin();
    memset(&told, 0, sizeof(told));
    base = event_base_new();
    database = loop_pg_new(base, "postgresql:///test", "perch-test", &profile);
    return base == NULL;
}

static int end(void **state)
{
    (void)state;
    loop_pg_free(database);
    event_base_free(base);
    fake_pg_end();
    return 0;
}

static void start(const char *text)
{
    loop_pg_start(database, start_it, take_it, (void *)(uintptr_t)text);
}

/* Turns the loop as long as something is ready without waiting. */
static void loop_turn(void)
{
    for (int i = 0; i < 8; i++)
        assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void the_answer_is_told_once_from_the_loop(void **state)
{
    static const char *const cells[] = {"yes"};

    (void)state;
    fake_pg_answer("event_verify", 1, 1, cells);
    start("ann");
    assert_int_equal(told.count, 0);
    assert_false(loop_pg_is_idle(database));
    loop_turn();
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, 0);
    assert_string_equal(told.text, "yes");
    assert_string_equal(fake_pg.params[0], "ann");
    assert_true(loop_pg_is_idle(database));
}

static void nothing_connects_before_it_is_used(void **state)
{
    (void)state;
    loop_turn();
    assert_int_equal(fake_pg.connects, 0);
    assert_true(loop_pg_is_idle(database));
}

static void the_loop_goes_on_while_postgresql_thinks(void **state)
{
    (void)state;
    fake_pg.silent = true;
    start("ann");
    loop_turn();
    assert_int_equal(told.count, 0);
    fake_pg.silent = false;
    fake_pg_speak();
    loop_turn();
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, 0);
}

static void a_failure_at_the_start_is_told_from_the_loop(void **state)
{
    (void)state;
    fake_pg.refuses = true;
    unit_stderr_begin();
    start("ann");
    unit_stderr_end();
    assert_int_equal(told.count, 0);
    loop_turn();
    assert_int_equal(told.count, 1);
    assert_int_equal(told.err, ERR_UNAVAILABLE);
    assert_int_equal(told.rows, 0);
}

static void a_refused_statement_is_told(void **state)
{
    (void)state;
    start("ann");
    loop_turn();
    fake_pg_fail("event_verify", "22012");
    unit_stderr_begin();
    start("ben");
    loop_turn();
    unit_stderr_end();
    assert_int_equal(told.count, 2);
    assert_int_equal(told.err, ERR_INTERNAL);
}

static void the_next_may_begin_when_one_is_done(void **state)
{
    (void)state;
    told.again = true;
    start("ann");
    loop_turn();
    assert_int_equal(told.count, 2);
    assert_int_equal(fake_pg.runs, 2);
    assert_int_equal(fake_pg.connects, 1);
}

static void a_loop_that_ends_in_the_middle_frees_all(void **state)
{
    (void)state;
    fake_pg.silent = true;
    start("ann");
    loop_turn();
    assert_int_equal(told.count, 0);
}

static void on_lost(void *argument)
{
    assert_true(loop_pg_is_idle(database));
    ++*(int *)argument;
}

static void who_watches_hears_of_the_end_of_an_idle_connection(void **state)
{
    int lost = 0;

    (void)state;
    loop_pg_watch(database, on_lost, &lost);
    start("ann");
    loop_turn();
    assert_int_equal(told.count, 1);
    assert_int_equal(lost, 0);
    fake_pg_speak(); /* as a server that is told to end does */
    loop_turn();
    assert_int_equal(lost, 1);
    start("ben");
    loop_turn();
    assert_int_equal(told.count, 2);
    assert_int_equal(fake_pg.connects, 2);
    assert_int_equal(lost, 1);
}

static void what_runs_when_the_connection_breaks_says_so_itself(void **state)
{
    int lost = 0;

    (void)state;
    loop_pg_watch(database, on_lost, &lost);
    start("ann");
    loop_turn();
    fake_pg.lost = true;
    unit_stderr_begin();
    start("ben");
    loop_turn();
    unit_stderr_end();
    assert_int_equal(told.err, ERR_UNAVAILABLE);
    assert_int_equal(lost, 0);
}

#define loop_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        loop_test(the_answer_is_told_once_from_the_loop),
        loop_test(nothing_connects_before_it_is_used),
        loop_test(the_loop_goes_on_while_postgresql_thinks),
        loop_test(a_failure_at_the_start_is_told_from_the_loop),
        loop_test(a_refused_statement_is_told),
        loop_test(the_next_may_begin_when_one_is_done),
        loop_test(a_loop_that_ends_in_the_middle_frees_all),
        loop_test(who_watches_hears_of_the_end_of_an_idle_connection),
        loop_test(what_runs_when_the_connection_breaks_says_so_itself),
    };

    return cmocka_run_group_tests_name("loop_pg", tests, NULL, NULL);
}
