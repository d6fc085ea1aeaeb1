#include "unit.h"

#include <poll.h>
#include <string.h>

#include "common/err.h"
#include "common/pg.h"
#include "fake_pg.h"

static const struct pg_statement one = {"one", "one"};
static const struct pg_statement two = {"two", "two"};
static const struct pg_statement three = {"three", "three"};
static const struct pg_statement *const first[] = {&one, &two, NULL};
static const struct pg_statement *const second[] = {&three, NULL};
static const struct pg_statement *const *const tables[] = {first, second, NULL};
static const struct pg_profile profile = {.setup = "setup", .tables = tables};

static struct pg *pg;

static int begin(void **state)
{
    (void)state;
    fake_pg_begin();
    pg = pg_new("postgresql:///test", "test", &profile);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pg_free(pg);
    fake_pg_end();
    return 0;
}

static int run(const struct pg_statement *statement)
{
    struct pg_params params = {0};

    return pg_run(pg, statement, &params, NULL);
}

/* The same, its log lines thrown away. */
static int run_quietly(const struct pg_statement *statement)
{
    int err;

    unit_stderr_begin();
    err = run(statement);
    unit_stderr_end();
    return err;
}

static void a_connection_prepares_everything_once(void **state)
{
    (void)state;
    assert_int_equal(fake_pg.connects, 0);
    assert_int_equal(run(&two), 0);
    assert_string_equal(fake_pg.statement, "two");
    assert_int_equal(run(&one), 0);
    assert_string_equal(fake_pg.statement, "one");
    assert_int_equal(fake_pg.connects, 1);
    assert_int_equal(fake_pg.prepares, 3);
    assert_int_equal(fake_pg.runs, 2);
}

static void parameters_are_texts_numbers_and_null(void **state)
{
    struct pg_params params = {0};

    (void)state;
    pg_add_text(&params, "o'clock");
    pg_add_int(&params, INT64_MIN);
    pg_add_text(&params, NULL);
    pg_add_int(&params, 0);
    assert_int_equal(pg_run(pg, &one, &params, NULL), 0);
    assert_int_equal(fake_pg.param_count, 4);
    assert_string_equal(fake_pg.params[0], "o'clock");
    assert_string_equal(fake_pg.params[1], "-9223372036854775808");
    assert_true(fake_pg.nulls[2]);
    assert_string_equal(fake_pg.params[3], "0");
}

/* Steps until the statement has ended. */
static void steps(void)
{
    short events = 0;
    int err;

    while ((err = pg_step(pg, &events, NULL)) == ERR_BUSY)
        assert_true(events != 0);
    assert_int_equal(err, 0);
}

static void numbers_outlive_the_callers_list(void **state)
{
    struct pg_params params = {0};

    (void)state;
    pg_add_int(&params, 4711);
    pg_add_text(&params, "text");
    pg_add_int(&params, 42);
    assert_int_equal(pg_start(pg, &one, &params), 0);
    memset(&params, 'x', sizeof(params));
    steps();
    assert_int_equal(fake_pg.param_count, 3);
    assert_string_equal(fake_pg.params[0], "4711");
    assert_string_equal(fake_pg.params[1], "text");
    assert_string_equal(fake_pg.params[2], "42");
}

static void results_are_read_by_type(void **state)
{
    static const char *const cells[] = {"7", "ж", "t", NULL, "-9007199254740991", "", "f", "x"};
    struct pg_params params = {0};
    struct pg_result result = {0};

    (void)state;
    fake_pg_answer("one", 2, 4, cells);
    assert_int_equal(pg_run(pg, &one, &params, &result), 0);
    assert_int_equal(result.rows, 2);
    assert_int_equal(pg_int(&result, 0, 0), 7);
    assert_int_equal(pg_int(&result, 1, 0), INT64_C(-9007199254740991));
    assert_string_equal(pg_text(&result, 0, 1), "ж");
    assert_string_equal(pg_text(&result, 1, 1), "");
    assert_true(pg_bool(&result, 0, 2));
    assert_false(pg_bool(&result, 1, 2));
    assert_true(pg_is_null(&result, 0, 3));
    assert_false(pg_is_null(&result, 1, 3));
    assert_string_equal(pg_text(&result, 0, 3), "");
    assert_int_equal(pg_int(&result, 0, 3), 0);
    assert_false(pg_bool(&result, 0, 3));
    pg_result_clear(&result);
    assert_null(result.handle);
    assert_int_equal(result.rows, 0);
    pg_result_clear(&result);
}

static void a_refused_statement_keeps_the_connection(void **state)
{
    (void)state;
    assert_int_equal(run(&one), 0);
    fake_pg_fail("one", "23505");
    unit_stderr_begin();
    assert_int_equal(run(&one), ERR_INTERNAL);
    assert_non_null(strstr(unit_stderr_end(), "one failed: 23505 it went wrong"));
    assert_int_equal(run(&two), 0);
    assert_int_equal(fake_pg.connects, 1);
}

static void a_cancelled_statement_is_unavailable_but_the_connection_stays(void **state)
{
    (void)state;
    assert_int_equal(run(&one), 0);
    fake_pg_fail("one", "57014");
    assert_int_equal(run_quietly(&one), ERR_UNAVAILABLE);
    assert_true(pg_is_cancelled(pg));
    assert_int_equal(run(&two), 0);
    assert_false(pg_is_cancelled(pg));
    assert_int_equal(fake_pg.connects, 1);
}

static void a_server_in_trouble_is_unavailable(void **state)
{
    static const char *const states[] = {"08006", "53300", "53200", "57P01", "57P03",
                                         "25006", "58030", "0A000", "26000"};

    for (size_t i = 0; i < COUNT(states); i++) {
        assert_int_equal(run(&one), 0);
        fake_pg_fail("one", states[i]);
        if (run_quietly(&one) != ERR_UNAVAILABLE)
            fail_msg("%s is an outage", states[i]);
        assert_int_equal(fake_pg.open_connections, 0);
        end(state);
        begin(state);
    }
}

static void after_a_failure_the_server_is_left_alone_for_a_while(void **state)
{
    (void)state;
    fake_pg.refuses = true;
    assert_int_equal(run_quietly(&one), ERR_UNAVAILABLE);
    assert_int_equal(fake_pg.connects, 1);
    fake_pg.refuses = false;
    for (int i = 0; i < 100; i++)
        assert_int_equal(run(&one), ERR_UNAVAILABLE); /* and says nothing in the log */
    assert_int_equal(fake_pg.connects, 1);
}

static void a_broken_connection_is_unavailable(void **state)
{
    (void)state;
    assert_int_equal(run(&one), 0);
    fake_pg.lost = true;
    unit_stderr_begin();
    assert_int_equal(run(&one), ERR_UNAVAILABLE);
    /* One line, the first of libpq's message. */
    assert_non_null(strstr(unit_stderr_end(), "connection lost: the connection is bad\n"));
    assert_int_equal(fake_pg.open_connections, 0);
}

static void a_connection_that_ended_while_idle_is_replaced_at_once(void **state)
{
    (void)state;
    assert_int_equal(run(&one), 0);
    fake_pg_speak();
    assert_int_equal(run(&two), 0);
    assert_int_equal(fake_pg.connects, 2);
    assert_int_equal(fake_pg.prepares, 6);
    assert_string_equal(fake_pg.statement, "two");
}

static void a_schema_that_does_not_fit_is_unavailable(void **state)
{
    (void)state;
    fake_pg_fail("three", "42P01");
    unit_stderr_begin();
    assert_int_equal(run(&one), ERR_UNAVAILABLE);
    assert_non_null(strstr(unit_stderr_end(), "deploy the migrations"));
    assert_int_equal(fake_pg.runs, 0);
    assert_int_equal(fake_pg.open_connections, 0);
}

static void a_setup_that_fails_is_unavailable(void **state)
{
    (void)state;
    fake_pg_fail("setup", "42883");
    assert_int_equal(run_quietly(&one), ERR_UNAVAILABLE);
    assert_int_equal(fake_pg.prepares, 0);
}

static void steps_tell_what_they_wait_for(void **state)
{
    struct pg_params params = {0};
    short events = 0;

    (void)state;
    fake_pg.slow = true;
    assert_int_equal(pg_start(pg, &one, &params), 0);
    assert_int_equal(pg_step(pg, &events, NULL), ERR_BUSY);
    assert_int_equal(events, POLLOUT);
    fake_pg.silent = true;
    assert_int_equal(pg_step(pg, &events, NULL), ERR_BUSY);
    assert_int_equal(events, POLLIN);
    fake_pg.silent = false;
    steps();
    assert_string_equal(fake_pg.statement, "one");
}

static void a_dropped_statement_leaves_nothing_behind(void **state)
{
    struct pg_params params = {0};
    short events = 0;

    (void)state;
    assert_int_equal(run(&one), 0);
    fake_pg.silent = true;
    assert_int_equal(pg_start(pg, &two, &params), 0);
    assert_int_equal(pg_step(pg, &events, NULL), ERR_BUSY);
    pg_drop(pg);
    assert_int_equal(fake_pg.open_connections, 0);
    assert_int_equal(pg_step(pg, &events, NULL), ERR_UNAVAILABLE);
    fake_pg.silent = false;
    assert_int_equal(run(&one), 0); /* a drop is no failure: nobody has to wait */
    assert_int_equal(fake_pg.connects, 2);
}

#define pg_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        pg_test(a_connection_prepares_everything_once),
        pg_test(parameters_are_texts_numbers_and_null),
        pg_test(numbers_outlive_the_callers_list),
        pg_test(results_are_read_by_type),
        pg_test(a_refused_statement_keeps_the_connection),
        pg_test(a_server_in_trouble_is_unavailable),
        pg_test(a_cancelled_statement_is_unavailable_but_the_connection_stays),
        pg_test(after_a_failure_the_server_is_left_alone_for_a_while),
        pg_test(a_broken_connection_is_unavailable),
        pg_test(a_connection_that_ended_while_idle_is_replaced_at_once),
        pg_test(a_schema_that_does_not_fit_is_unavailable),
        pg_test(a_setup_that_fails_is_unavailable),
        pg_test(steps_tell_what_they_wait_for),
        pg_test(a_dropped_statement_leaves_nothing_behind),
    };

    return cmocka_run_group_tests_name("pg", tests, NULL, NULL);
}
