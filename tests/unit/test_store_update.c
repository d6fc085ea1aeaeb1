#include "unit.h"

#include "common/err.h"
#include "fake_pg.h"
#include "notifier/store_notifier.h"
#include "notifier/store_update.h"

static struct pg *pg;
static struct arena arena;
static struct pg_result result;

static const struct store_update update = {
    .offset_before = 10,
    .offset_after = 11,
    .chat_id = 4711,
    .locale = "ru",
    .message_id = 55,
    .now = 1000,
};

static int begin(void **state)
{
    (void)state;
    fake_pg_begin();
    arena_init(&arena);
    pg = pg_new("postgresql:///test", "test", &store_notifier_profile);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pg_result_clear(&result);
    pg_free(pg);
    arena_release(&arena);
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

/* The statement has what all updates have, and `count` parameters of its own. */
static void runs_as(int begun, const char *statement, int count)
{
    static const char *const common[] = {"10", "11", "4711", "ru", NULL, "55", "1000"};

    run(begun);
    assert_string_equal(fake_pg.statement, statement);
    assert_int_equal(fake_pg.param_count, (int)COUNT(common) + count);
    for (size_t i = 0; i < COUNT(common); i++) {
        assert_int_equal(fake_pg.nulls[i], common[i] == NULL);
        if (common[i] != NULL)
            assert_string_equal(fake_pg.params[i], common[i]);
    }
}

static void each_update_has_its_statement(void **state)
{
    (void)state;
    runs_as(store_update_skip_start(pg, &update), "update_answer", 2);
    assert_true(fake_pg.nulls[7]);
    runs_as(store_update_answer_start(pg, &update, "help", "{}"), "update_answer", 2);
    assert_string_equal(fake_pg.params[7], "help");
    assert_string_equal(fake_pg.params[8], "{}");
    runs_as(store_update_start_start(pg, &update, "Ann", "ann", "\\xab"), "update_start", 3);
    assert_string_equal(fake_pg.params[7], "Ann");
    assert_string_equal(fake_pg.params[8], "ann");
    assert_string_equal(fake_pg.params[9], "\\xab");
    runs_as(store_update_unblock_start(pg, &update, "Ann", NULL), "update_unblock", 2);
    assert_string_equal(fake_pg.params[7], "Ann");
    assert_true(fake_pg.nulls[8]);
    runs_as(store_update_block_start(pg, &update), "update_block", 0);
    runs_as(store_update_unlink_start(pg, &update), "update_unlink", 0);
    runs_as(store_update_mute_start(pg, &update, -1), "update_mute", 1);
    assert_string_equal(fake_pg.params[7], "-1");
    runs_as(store_update_status_start(pg, &update), "update_status", 0);
}

static void what_somebody_wrote_goes_along(void **state)
{
    (void)state;
    runs_as(store_update_reply_start(pg, &update, 77, "uuid", "hi"), "update_reply", 3);
    assert_string_equal(fake_pg.params[7], "77");
    assert_string_equal(fake_pg.params[8], "uuid");
    assert_string_equal(fake_pg.params[9], "hi");
    runs_as(store_update_text_start(pg, &update, "uuid", "hi"), "update_text", 2);
    assert_string_equal(fake_pg.params[7], "uuid");
    assert_string_equal(fake_pg.params[8], "hi");
    runs_as(store_update_offer_start(pg, &update, "o1"), "update_offer", 1);
    assert_string_equal(fake_pg.params[7], "o1");
}

static void an_update_tells_whom_to_wake(void **state)
{
    static const char *const cells[] = {
        "ok", "{\"id\":1}", "0123456789ab", "5",  "8",  "{\"seq\":8}", /**/
        "ok", NULL,         NULL,           NULL, NULL, NULL,
    };
    struct store_notifier_wake wake;

    (void)state;
    fake_pg_answer("update_unlink", 2, 6, cells);
    run(store_update_unlink_start(pg, &update));
    assert_string_equal(store_notifier_status(&result), "ok");
    assert_true(store_notifier_wake(&result, 0, &wake));
    assert_string_equal(wake.epoch, "0123456789ab");
    assert_int_equal(wake.wake.user_id, 5);
    assert_int_equal(wake.wake.seq, 8);
    assert_string_equal(wake.wake.event, "{\"seq\":8}");
    assert_false(store_notifier_wake(&result, 1, &wake));
}

static void a_repeat_tells_where_to_go_on(void **state)
{
    static const char *const cells[] = {"repeat", "12", NULL, NULL, NULL, NULL};

    (void)state;
    fake_pg_answer("update_answer", 1, 6, cells);
    run(store_update_skip_start(pg, &update));
    assert_string_equal(store_notifier_status(&result), "repeat");
    assert_int_equal(store_update_offset(&result), 12);
    fake_pg_answer("update_answer", 0, 6, NULL);
    run(store_update_skip_start(pg, &update));
    assert_string_equal(store_notifier_status(&result), "");
}

static void the_inbox_is_read_row_by_row(void **state)
{
    static const char *const cells[] = {"7", "{}", "8", "[]"};
    struct store_update_inbox inbox;

    (void)state;
    fake_pg_answer("update_inbox", 2, 2, cells);
    run(store_update_inbox_start(pg, 2));
    assert_string_equal(fake_pg.params[0], "2");
    store_update_inbox(&result, 1, &inbox);
    assert_int_equal(inbox.update_id, 8);
    assert_string_equal(inbox.body, "[]");
}

static void what_there_is_to_say_comes_after_when_there_will_be_more(void **state)
{
    static const char *const cells[] = {
        NULL, NULL,   NULL,   NULL, NULL, NULL, NULL, NULL, "9000", /**/
        "3",  "4711", "help", "{}", "ru", "q1", "55", "2",  "0",    /**/
        "4",  "4712", "help", "{}", "en", NULL, NULL, "0",  "0",
    };
    struct store_ids busy = {0};
    struct store_say_list list;

    (void)state;
    fake_pg_answer("say_next", 3, 9, cells);
    store_say_next(&arena, run(store_say_next_start(pg, &arena, 1000, &busy, 20)), &list);
    assert_string_equal(fake_pg.params[0], "1000");
    assert_string_equal(fake_pg.params[1], "{}");
    assert_string_equal(fake_pg.params[2], "20");
    assert_int_equal(list.next_at, 9000);
    assert_int_equal(list.count, 2);
    assert_int_equal(list.says[0].id, 3);
    assert_int_equal(list.says[0].chat_id, 4711);
    assert_string_equal(list.says[0].kind, "help");
    assert_string_equal(list.says[0].arguments, "{}");
    assert_string_equal(list.says[0].locale, "ru");
    assert_string_equal(list.says[0].callback_id, "q1");
    assert_int_equal(list.says[0].reply_to, 55);
    assert_int_equal(list.says[0].failures, 2);
    assert_null(list.says[1].callback_id);
    assert_int_equal(list.says[1].reply_to, 0);
}

static void what_is_said_is_claimed_and_dropped_or_kept_for_later(void **state)
{
    static const char *const yes[] = {"t"};

    (void)state;
    fake_pg_answer("say_claim", 1, 1, yes);
    assert_true(store_say_claimed(run(store_say_claim_start(pg, 3, 1000))));
    assert_string_equal(fake_pg.params[0], "3");
    run(store_say_drop_start(pg, 3));
    assert_string_equal(fake_pg.statement, "say_drop");
    run(store_say_retry_start(pg, 3, 2000, true, 3000));
    assert_string_equal(fake_pg.statement, "say_retry");
    assert_string_equal(fake_pg.params[1], "2000");
    assert_string_equal(fake_pg.params[2], "true");
    assert_string_equal(fake_pg.params[3], "3000");
    run(store_say_retry_start(pg, 3, 2000, false, 0));
    assert_string_equal(fake_pg.params[2], "false");
}

#define update_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        update_test(each_update_has_its_statement),
        update_test(what_somebody_wrote_goes_along),
        update_test(an_update_tells_whom_to_wake),
        update_test(a_repeat_tells_where_to_go_on),
        update_test(the_inbox_is_read_row_by_row),
        update_test(what_there_is_to_say_comes_after_when_there_will_be_more),
        update_test(what_is_said_is_claimed_and_dropped_or_kept_for_later),
    };

    return cmocka_run_group_tests_name("store_update", tests, NULL, NULL);
}
