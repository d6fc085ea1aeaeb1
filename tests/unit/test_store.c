#include "unit.h"

#include <stdlib.h>
#include <string.h>

#include "common/err.h"
#include "common/store_dialog.h"
#include "common/store_event.h"
#include "common/store_user.h"
#include "fake_pg.h"

static struct pg *pg;
static struct arena arena;

static int begin(void **state)
{
    (void)state;
    fake_pg_begin();
    arena_init(&arena);
    pg = pg_new("postgresql:///test", "test", &store_profile);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pg_free(pg);
    arena_release(&arena);
    fake_pg_end();
    return 0;
}

static void statements_have_names_of_their_own(void **state)
{
    const char *names[200];
    size_t count = 0;

    (void)state;
    for (size_t table = 0; store_profile.tables[table] != NULL; table++) {
        assert_non_null(store_profile.tables[table][0]);
        for (size_t i = 0; store_profile.tables[table][i] != NULL; i++) {
            const char *name = store_profile.tables[table][i]->name;

            assert_true(count < COUNT(names));
            for (size_t other = 0; other < count; other++)
                assert_string_not_equal(name, names[other]);
            names[count++] = name;
        }
    }
}

/* The ids of a bigint[]. */
static struct store_ids ids_of(const char *text)
{
    struct store_ids ids = {.count = -1};

    fake_pg_answer("user_partners", 1, 1, &text);
    assert_int_equal(store_user_partners(pg, &arena, 1, &ids), 0);
    return ids;
}

static void lists_of_ids_are_read(void **state)
{
    struct store_ids ids = ids_of("{1,22,9007199254740991}");

    (void)state;
    assert_int_equal(ids.count, 3);
    assert_int_equal(ids.ids[0], 1);
    assert_int_equal(ids.ids[1], 22);
    assert_int_equal(ids.ids[2], INT64_C(9007199254740991));
    ids = ids_of("{7}");
    assert_int_equal(ids.count, 1);
    assert_int_equal(ids.ids[0], 7);
    assert_int_equal(ids_of("{}").count, 0);
    assert_int_equal(ids_of(NULL).count, 0);
}

static void lists_that_are_none_end_where_they_stop_being_one(void **state)
{
    (void)state;
    assert_int_equal(ids_of("{1,2,x}").count, 2);
    assert_int_equal(ids_of("{NULL}").count, 0);
    assert_int_equal(ids_of("{1,").count, 1);
    assert_int_equal(ids_of("nonsense").count, 0);
}

/* A mutation whose function answers these rows. */
static int mutate(int rows, const char *const *cells, struct store_change *ret_change)
{
    fake_pg_answer("dialog_read", rows, 6, cells);
    return store_dialog_read(pg, &arena, 1, 2, 3, ret_change);
}

static void a_mutation_tells_whom_to_wake(void **state)
{
    static const char *const cells[] = {"ok", "{}", "a1", "1", "41", "{\"seq\":41}",
                                        "ok", NULL, "a1", "2", "7",  "{\"seq\":7}"};
    struct store_change change;

    (void)state;
    assert_int_equal(mutate(2, cells, &change), 0);
    assert_false(change.repeat);
    assert_string_equal(change.result, "{}");
    assert_string_equal(change.epoch, "a1");
    assert_int_equal(change.wake_count, 2);
    assert_int_equal(change.wakes[0].user_id, 1);
    assert_int_equal(change.wakes[0].seq, 41);
    assert_string_equal(change.wakes[0].event, "{\"seq\":41}");
    assert_int_equal(change.wakes[1].user_id, 2);
    assert_string_equal(change.wakes[1].event, "{\"seq\":7}");
    assert_string_equal(fake_pg.params[2], "3");
}

static void a_repeated_mutation_wakes_nobody(void **state)
{
    static const char *const cells[] = {"repeat", NULL, "a1", NULL, NULL, NULL};
    struct store_change change;

    (void)state;
    assert_int_equal(mutate(1, cells, &change), 0);
    assert_true(change.repeat);
    assert_null(change.result);
    assert_int_equal(change.wake_count, 0);
}

static void a_mutations_status_is_an_error_by_its_code(void **state)
{
    static const struct {
        const char *status;
        int err;
    } rows[] = {
        {"not_found", ERR_NOT_FOUND},   {"peer_deleted", ERR_PEER_DELETED},
        {"invalid", ERR_INVALID},       {"client_id_used", ERR_CLIENT_ID_USED},
        {"no_such_code", ERR_INTERNAL}, {"", ERR_INTERNAL},
    };
    struct store_change change = {.wake_count = 77};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *cells[6] = {rows[i].status};

        assert_int_equal(mutate(1, cells, &change), rows[i].err);
        assert_int_equal(change.wake_count, 77);
    }
    assert_int_equal(mutate(0, NULL, &change), ERR_INTERNAL);
}

static void a_poll_reads_the_position_and_what_comes_after(void **state)
{
    static const char *const cells[] = {"a1", "43", "40", "42", "{\"seq\":42}",
                                        "a1", "43", "40", "43", "{\"seq\":43}"};
    struct store_events log;

    (void)state;
    fake_pg_answer("event_poll", 2, 5, cells);
    assert_int_equal(store_event_poll(pg, &arena, 1, 41, &log), 0);
    assert_string_equal(fake_pg.params[1], "41");
    assert_string_equal(log.epoch, "a1");
    assert_int_equal(log.seq, 43);
    assert_int_equal(log.floor, 40);
    assert_int_equal(log.count, 2);
    assert_int_equal(log.events[1].seq, 43);
    assert_string_equal(log.events[1].json, "{\"seq\":43}");
}

static void a_poll_without_news_has_only_the_position(void **state)
{
    static const char *const cells[] = {"a1", "43", "40", NULL, NULL};
    struct store_events log;

    (void)state;
    fake_pg_answer("event_poll", 1, 5, cells);
    assert_int_equal(store_event_poll(pg, &arena, 1, 43, &log), 0);
    assert_int_equal(log.count, 0);
    assert_int_equal(log.seq, 43);
}

static void whoever_has_no_log_has_no_account(void **state)
{
    struct store_events log = {.count = 77};
    struct store_user user;

    (void)state;
    assert_int_equal(store_event_poll(pg, &arena, 1, 0, &log), ERR_UNAUTHORIZED);
    assert_int_equal(log.count, 77);
    assert_int_equal(store_user_get(pg, &arena, 1, &user), ERR_NOT_FOUND);
}

static void the_search_for_people_takes_their_input_literally(void **state)
{
    const struct store_user_key after = {.name = "", .id = STORE_ID_MAX, .seen_us = STORE_ID_MAX};
    struct store_user_page page;

    (void)state;
    assert_int_equal(store_user_list(pg, &arena, "50%_\\", STORE_USERS_BY_NAME, &after, 10, &page),
                     0);
    assert_string_equal(fake_pg.params[0], "%50\\%\\_\\\\%");
    assert_int_equal(store_user_list(pg, &arena, NULL, STORE_USERS_BY_SEEN, &after, 10, &page), 0);
    assert_string_equal(fake_pg.statement, "user_list_by_seen");
    assert_string_equal(fake_pg.params[0], "%");
    assert_int_equal(page.count, 0);
}

static void people_are_read_column_by_column(void **state)
{
    static const char *const cells[] = {
        "5", "anna", NULL, "2026-11-21T04:20:42.000Z", NULL, "t",
    };
    struct store_user user;

    (void)state;
    fake_pg_answer("user_get", 1, 6, cells);
    assert_int_equal(store_user_get(pg, &arena, 5, &user), 0);
    assert_int_equal(user.id, 5);
    assert_string_equal(user.username, "anna");
    assert_null(user.display_name);
    assert_string_equal(user.created_at, "2026-11-21T04:20:42.000Z");
    assert_null(user.last_seen_at);
    assert_false(user.online);
    assert_true(user.deleted);
}

static void a_server_that_is_away_is_passed_on(void **state)
{
    struct store_change change;
    struct store_events log;

    (void)state;
    fake_pg.refuses = true;
    unit_stderr_begin();
    assert_int_equal(mutate(0, NULL, &change), ERR_UNAVAILABLE);
    assert_int_equal(store_event_poll(pg, &arena, 1, 0, &log), ERR_UNAVAILABLE);
    unit_stderr_end();
}

#define store_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(statements_have_names_of_their_own),
        store_test(lists_of_ids_are_read),
        store_test(lists_that_are_none_end_where_they_stop_being_one),
        store_test(a_mutation_tells_whom_to_wake),
        store_test(a_repeated_mutation_wakes_nobody),
        store_test(a_mutations_status_is_an_error_by_its_code),
        store_test(a_poll_reads_the_position_and_what_comes_after),
        store_test(a_poll_without_news_has_only_the_position),
        store_test(whoever_has_no_log_has_no_account),
        store_test(the_search_for_people_takes_their_input_literally),
        store_test(people_are_read_column_by_column),
        store_test(a_server_that_is_away_is_passed_on),
    };

    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
