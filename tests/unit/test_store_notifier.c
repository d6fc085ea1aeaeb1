#include "unit.h"

#include "fake_pg.h"
#include "notifier/store_notifier.h"

static struct pg *pg;
static struct pg_result result;

static int begin(void **state)
{
    (void)state;
    fake_pg_begin();
    pg = pg_new("postgresql:///test", "test", &store_notifier_profile);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pg_result_clear(&result);
    pg_free(pg);
    fake_pg_end();
    return 0;
}

/* Runs what was begun; its result stays until the next one. */
static const struct pg_result *run(int begun)
{
    short events = 0;

    assert_int_equal(begun, 0);
    pg_result_clear(&result);
    assert_int_equal(pg_step(pg, &events, &result), 0);
    return &result;
}

static void statements_have_names_of_their_own(void **state)
{
    const char *names[100];
    size_t count = 0;

    (void)state;
    for (size_t table = 0; store_notifier_profile.tables[table] != NULL; table++)
        for (size_t i = 0; store_notifier_profile.tables[table][i] != NULL; i++) {
            const char *name = store_notifier_profile.tables[table][i]->name;

            assert_true(count < COUNT(names));
            for (size_t other = 0; other < count; other++)
                assert_string_not_equal(name, names[other]);
            names[count++] = name;
        }
}

static void the_bot_goes_on_where_it_was(void **state)
{
    static const char *const cells[] = {"42"};

    (void)state;
    fake_pg_answer("bot_set", 1, 1, cells);
    assert_int_equal(store_notifier_bot_offset(run(store_notifier_bot_start(pg, 77, "bot"))), 42);
    assert_string_equal(fake_pg.params[0], "77");
    assert_string_equal(fake_pg.params[1], "bot");
    run(store_notifier_bot_start(pg, 0, NULL));
    assert_true(fake_pg.nulls[0]);
    assert_true(fake_pg.nulls[1]);
}

static void the_counts_are_read_column_by_column(void **state)
{
    static const char *const cells[] = {"1", "2", "3", "4", "5", "6"};
    struct store_notifier_counts counts;

    (void)state;
    fake_pg_answer("notifier_counts", 1, 6, cells);
    store_notifier_counted(run(store_notifier_counts_start(pg)), &counts);
    assert_int_equal(counts.outbox, 1);
    assert_int_equal(counts.outbox_oldest_at, 2);
    assert_int_equal(counts.says, 3);
    assert_int_equal(counts.says_oldest_at, 4);
    assert_int_equal(counts.dead, 5);
    assert_int_equal(counts.updates, 6);
}

static void a_dead_letter_is_read_column_by_column(void **state)
{
    static const char *const cells[] = {"1", "2", "3", "alice", "4", NULL, "5", "6", "why"};
    struct store_notifier_dead dead;

    (void)state;
    fake_pg_answer("dead_list", 1, 9, cells);
    store_notifier_dead(run(store_notifier_dead_start(pg, INT64_MAX, 10)), 0, &dead);
    assert_string_equal(fake_pg.params[0], "9223372036854775807");
    assert_string_equal(fake_pg.params[1], "10");
    assert_int_equal(dead.id, 1);
    assert_int_equal(dead.message_id, 2);
    assert_int_equal(dead.sender_id, 3);
    assert_string_equal(dead.sender, "alice");
    assert_int_equal(dead.recipient_id, 4);
    assert_null(dead.recipient);
    assert_int_equal(dead.created_at, 5);
    assert_int_equal(dead.died_at, 6);
    assert_string_equal(dead.reason, "why");
}

static void dead_letters_are_put_back_or_removed(void **state)
{
    static const char *const cells[] = {"2", "1"};
    int64_t queued, removed;

    (void)state;
    fake_pg_answer("dead_redrive", 1, 2, cells);
    store_notifier_redriven(run(store_notifier_redrive_start(pg, 0, 1000)), &queued, &removed);
    assert_string_equal(fake_pg.params[0], "0");
    assert_string_equal(fake_pg.params[1], "1000");
    assert_int_equal(queued, 2);
    assert_int_equal(removed, 1);
}

#define notifier_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_have_names_of_their_own),
        notifier_test(the_bot_goes_on_where_it_was),
        notifier_test(the_counts_are_read_column_by_column),
        notifier_test(a_dead_letter_is_read_column_by_column),
        notifier_test(dead_letters_are_put_back_or_removed),
    };

    return cmocka_run_group_tests_name("store_notifier", tests, NULL, NULL);
}
