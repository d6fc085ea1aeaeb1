#include "unit.h"

#include <event2/event.h>

#include "common/buf.h"
#include "common/err.h"
#include "fake_pg.h"
#include "notifier/pg_line.h"

static const struct pg_statement statement = {"say", "SELECT 1"};
static const struct pg_statement *const statements[] = {&statement, NULL};
static const struct pg_statement *const *const tables[] = {statements, NULL};
static const struct pg_profile profile = {"SET search_path = perch", tables};
static struct event_base *base;
static struct pg_line *line;
static struct buf order; /* the names of those that are done */
static int last_err;
static bool last_cancelled;

struct named {
    const char *name;
    int times; /* stands in line so often */
    struct pg_task task;
};

static int begin_it(struct pg *pg, void *argument)
{
    struct pg_params params = {0};

    pg_add_text(&params, ((struct named *)argument)->name);
    return pg_start(pg, &statement, &params);
}

static void done_it(void *argument, int err, const struct pg_result *result)
{
    struct named *named = argument;

    (void)result;
    last_err = err;
    last_cancelled = pg_line_is_cancelled(line);
    buf_adds(&order, named->name);
    if (--named->times > 0)
        pg_line_add(line, &named->task);
}

static void add(struct named *named, const char *name, int times)
{
    *named = (struct named){
        .name = name,
        .times = times,
        .task = {.begin = begin_it, .done = done_it, .argument = named},
    };
    pg_line_add(line, &named->task);
}

static int begin(void **state)
{
    (void)state;
    fake_pg_begin();
    buf_adds(&order, "");
    base = event_base_new();
    line = pg_line_new(base, "postgresql:///test", "perch-test", &profile);
    return base == NULL;
}

static int end(void **state)
{
    (void)state;
    pg_line_free(line);
    event_base_free(base);
    buf_release(&order);
    fake_pg_end();
    return 0;
}

static void loop_turn(void)
{
    for (int i = 0; i < 32; i++)
        assert_true(event_base_loop(base, EVLOOP_NONBLOCK) >= 0);
}

static void each_has_its_turn_in_order_on_one_connection(void **state)
{
    struct named tasks[3];

    (void)state;
    add(&tasks[0], "a", 1);
    add(&tasks[1], "b", 1);
    add(&tasks[2], "c", 1);
    assert_string_equal(order.data, "");
    loop_turn();
    assert_string_equal(order.data, "abc");
    assert_int_equal(fake_pg.connects, 1);
}

static void who_comes_back_stands_behind_those_that_wait(void **state)
{
    struct named tasks[2];

    (void)state;
    add(&tasks[0], "a", 3);
    add(&tasks[1], "b", 2);
    loop_turn();
    assert_string_equal(order.data, "ababa");
}

static void a_failure_is_one_tasks_and_the_next_goes_on(void **state)
{
    struct named tasks[2];

    (void)state;
    add(&tasks[0], "a", 1);
    loop_turn();
    fake_pg_fail("say", "22012");
    unit_stderr_begin();
    add(&tasks[0], "b", 1);
    loop_turn();
    unit_stderr_end();
    assert_int_equal(last_err, ERR_INTERNAL);
    assert_string_equal(order.data, "ab");
}

static void what_took_too_long_is_told_apart(void **state)
{
    struct named tasks[1];

    (void)state;
    add(&tasks[0], "a", 1);
    loop_turn();
    assert_false(last_cancelled);
    fake_pg_fail("say", "57014");
    unit_stderr_begin();
    add(&tasks[0], "b", 1);
    loop_turn();
    unit_stderr_end();
    assert_int_equal(last_err, ERR_UNAVAILABLE);
    assert_true(last_cancelled);
}

static void an_end_in_the_middle_calls_nobody(void **state)
{
    struct named tasks[2];

    (void)state;
    fake_pg.silent = true;
    add(&tasks[0], "a", 1);
    add(&tasks[1], "b", 1);
    loop_turn();
    assert_string_equal(order.data, "");
}

#define line_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        line_test(each_has_its_turn_in_order_on_one_connection),
        line_test(who_comes_back_stands_behind_those_that_wait),
        line_test(a_failure_is_one_tasks_and_the_next_goes_on),
        line_test(what_took_too_long_is_told_apart),
        line_test(an_end_in_the_middle_calls_nobody),
    };

    return cmocka_run_group_tests_name("pg_line", tests, NULL, NULL);
}
