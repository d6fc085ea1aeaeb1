#include "unit.h"

#include <string.h>

#include "common/err.h"
#include "fake_pg.h"
#include "notifier/store_notifier.h"
#include "notifier/store_notify.h"

enum { ROW = 30 }; /* columns of notify_pending */

static struct pg *pg;
static struct arena arena;
static struct pg_result result;

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

/* Bob, with two rows from Alice (7), whose window stands, and one from Carol (9). */
static void read_pending(struct store_notify_pending *ret_pending)
{
    static const char *const cells[3 * ROW] = {
        "5",    "21",  "4711", "ru",     "t",  "11", "12",     "60", "sender", "13", "14",
        "15",   "7",   "16",   "100",    "2",  "99", "77",     "t",  "55",     "56", /* Alice */
        "31",   "81",  "1000", "1001",   "1",  "2",  "t",      "f",  "f",      "5",  "21",
        "4711", "ru",  "t",    "11",     "12", "60", "sender", "13", "14",     "15", "7",
        "16",   "100", "2",    "99",     "77", "t",  "55",     "56", "33",     "83", "1002",
        "0",    "0",   "0",    "f",      "t",  "f",  "5",      "21", "4711",   "ru", "t",
        "11",   "12",  "60",   "sender", "13", "14", "15",     "9",  "0",      "0",  NULL,
        "0",    NULL,  NULL,   NULL,     NULL, /* Carol */
        "32",   "82",  "1003", "0",      "0",  "0",  "f",      "f",  "t",
    };

    fake_pg_answer("notify_pending", 3, ROW, cells);
    store_notify_pending(&arena, run(store_notify_pending_start(pg, 5, 2000)), ret_pending);
    assert_string_equal(fake_pg.params[0], "5");
    assert_string_equal(fake_pg.params[1], "2000");
}

static void a_look_names_recipients(void **state)
{
    static const char *const cells[] = {"{5,6}", "9223372036854775807"};
    int64_t busy_ids[] = {1, 22};
    struct store_ids busy = {COUNT(busy_ids), busy_ids};
    struct store_notify_look look;

    (void)state;
    fake_pg_answer("notify_look", 1, 2, cells);
    store_notify_looked(&arena, run(store_notify_look_start(pg, &arena, 1000, &busy, 8)), &look);
    assert_string_equal(fake_pg.params[0], "1000");
    assert_string_equal(fake_pg.params[1], "{1,22}");
    assert_string_equal(fake_pg.params[2], "8");
    assert_int_equal(look.users.count, 2);
    assert_int_equal(look.users.ids[1], 6);
    assert_int_equal(look.next_at, INT64_MAX);
    busy.count = 0;
    run(store_notify_look_start(pg, &arena, 1000, &busy, 8));
    assert_string_equal(fake_pg.params[1], "{}");
}

static void the_recipient_comes_with_every_row(void **state)
{
    struct store_notify_pending pending;

    (void)state;
    read_pending(&pending);
    assert_int_equal(pending.user_id, 5);
    assert_int_equal(pending.revision, 21);
    assert_int_equal(pending.chat_id, 4711);
    assert_int_equal(pending.chat_sent_at, 12);
    assert_int_equal(pending.locale, TEXTS_RU);
    assert_int_equal(pending.preview, COMPOSE_SENDER);
    assert_int_equal(pending.settings.delay_s, 60);
    assert_int_equal(pending.settings.muted_until, 13);
    assert_int_equal(pending.settings.quiet_until, 14);
    assert_int_equal(pending.settings.quiet_ended_at, 15);
    assert_true(pending.policy.linked);
    assert_int_equal(pending.policy.retry_at, 11);
}

static void rows_belong_to_their_senders(void **state)
{
    struct store_notify_pending pending;
    const struct policy_sender *alice, *carol;

    (void)state;
    read_pending(&pending);
    assert_int_equal(pending.policy.sender_count, 2);
    assert_int_equal(pending.senders[0].user_id, 7);
    assert_int_equal(pending.senders[0].read_upto, 55);
    assert_int_equal(pending.senders[0].first_id, 56);
    assert_int_equal(pending.senders[1].user_id, 9);
    alice = &pending.policy.senders[0];
    assert_int_equal(alice->muted_until, 16);
    assert_int_equal(alice->window.opened_at, 100);
    assert_int_equal(alice->window.step, 2);
    assert_int_equal(alice->window.edited_at, 99);
    assert_int_equal(alice->window.message_id, 77);
    assert_true(alice->window.read);
    carol = &pending.policy.senders[1];
    assert_int_equal(carol->window.opened_at, 0);
    assert_int_equal(carol->window.message_id, 0);
    assert_false(carol->window.read);
    assert_int_equal(pending.policy.row_count, 3);
    assert_int_equal(pending.policy.rows[0].sender, 0);
    assert_int_equal(pending.policy.rows[1].sender, 0);
    assert_int_equal(pending.policy.rows[2].sender, 1);
}

static void a_row_is_read_column_by_column(void **state)
{
    struct store_notify_pending pending;
    const struct policy_row *row;

    (void)state;
    read_pending(&pending);
    row = &pending.policy.rows[0];
    assert_int_equal(row->seq, 81);
    assert_int_equal(row->created_at, 1000);
    assert_int_equal(row->retry_at, 1001);
    assert_int_equal(row->unanswered, 1);
    assert_false(row->read);
    assert_false(row->deleted);
    assert_true(pending.policy.rows[1].read);
    assert_true(pending.policy.rows[2].deleted);
    assert_int_equal(pending.rows[0].id, 31);
    assert_int_equal(pending.rows[0].failures, 2);
    assert_true(pending.rows[0].plain);
    assert_false(pending.rows[1].plain);
}

static void whoever_has_nothing_waiting_has_no_rows(void **state)
{
    static const char *const cells[ROW] = {"5", "0", "0", NULL, NULL, "0", "0", "60", "off"};
    struct store_notify_pending pending;

    (void)state;
    fake_pg_answer("notify_pending", 1, ROW, cells);
    store_notify_pending(&arena, run(store_notify_pending_start(pg, 5, 1)), &pending);
    assert_int_equal(pending.policy.row_count, 0);
    assert_int_equal(pending.policy.sender_count, 0);
    assert_false(pending.policy.linked);
    assert_int_equal(pending.locale, TEXTS_EN);
    assert_int_equal(pending.preview, COMPOSE_OFF);
}

static void a_wait_is_for_the_rows_that_were_looked_at(void **state)
{
    static const enum policy_fate fates[] = {POLICY_KEEP, POLICY_KEEP, POLICY_REMOVE};
    struct store_notify_pending pending;

    (void)state;
    read_pending(&pending);
    run(store_notify_wait_start(pg, &arena, &pending, fates, 9000));
    assert_string_equal(fake_pg.statement, "notify_wait");
    assert_string_equal(fake_pg.params[0], "5");
    assert_string_equal(fake_pg.params[1], "21");
    assert_string_equal(fake_pg.params[2], "{32}");
    assert_string_equal(fake_pg.params[3], "33");
    assert_string_equal(fake_pg.params[4], "9000");
}

static void where_a_look_cannot_give_all_rows_all_of_them_wait(void **state)
{
    enum policy_fate fates[STORE_NOTIFY_ROWS_MAX] = {POLICY_KEEP};
    struct policy_row policy_rows[STORE_NOTIFY_ROWS_MAX] = {0};
    struct store_notify_row rows[STORE_NOTIFY_ROWS_MAX] = {0};
    struct store_notify_pending pending = {
        .policy = {.row_count = STORE_NOTIFY_ROWS_MAX, .rows = policy_rows}, .rows = rows};

    (void)state;
    run(store_notify_wait_start(pg, &arena, &pending, fates, 9000));
    assert_string_equal(fake_pg.params[3], "9223372036854775807");
}

static void a_claim_names_rows_and_the_windows_it_opens(void **state)
{
    static const enum policy_fate fates[] = {POLICY_TAKE, POLICY_REMOVE, POLICY_TAKE};
    static const struct policy_decision decision = {.action = POLICY_DIGEST, .sender = -1};
    struct store_notify_pending pending;

    (void)state;
    read_pending(&pending);
    /* Something was read since Alice's window was opened, and Carol has none: both begin anew. */
    run(store_notify_claim_start(pg, &arena, &pending, fates, &decision, 2000));
    assert_string_equal(fake_pg.statement, "notify_claim");
    assert_string_equal(fake_pg.params[1], "21");
    assert_string_equal(fake_pg.params[2], "2000");
    assert_string_equal(fake_pg.params[3], "{33}");
    assert_string_equal(fake_pg.params[4], "{31,32}");
    assert_string_equal(fake_pg.params[5], "false");
    assert_string_equal(fake_pg.params[6], "{7,9}");
    assert_string_equal(fake_pg.params[7], "{0,0}");
}

static void a_window_grows_from_the_one_before(void **state)
{
    static const enum policy_fate fates[] = {POLICY_TAKE, POLICY_TAKE, POLICY_KEEP};
    static const struct policy_decision decision = {.action = POLICY_SEND};
    struct store_notify_pending pending;
    struct policy_sender senders[2];

    (void)state;
    read_pending(&pending);
    memcpy(senders, pending.policy.senders, sizeof senders);
    senders[0].window.read = false;
    pending.policy.senders = senders;
    run(store_notify_claim_start(pg, &arena, &pending, fates, &decision, 2000));
    assert_string_equal(fake_pg.params[6], "{7}");
    assert_string_equal(fake_pg.params[7], "{3}");
}

/* What claiming Alice's and Carol's rows gave. */
static void read_claim(struct store_notify_claim *ret_claim)
{
    static const char *const cells[] = {
        "7", "Alice", "hello", "3", "{31,32}", "2", "f", /**/
        "9", NULL,    "hi",    "1", "{31,32}", "4", "t",
    };
    static const enum policy_fate fates[] = {POLICY_TAKE, POLICY_KEEP, POLICY_TAKE};
    static const struct policy_decision decision = {.action = POLICY_DIGEST, .sender = -1};
    struct store_notify_pending pending;

    read_pending(&pending);
    fake_pg_answer("notify_claim", 2, 7, cells);
    store_notify_claim(&arena,
                       run(store_notify_claim_start(pg, &arena, &pending, fates, &decision, 2000)),
                       ret_claim);
}

static void a_claim_tells_what_to_say(void **state)
{
    struct store_notify_claim claim;

    (void)state;
    read_claim(&claim);
    assert_int_equal(claim.sender_count, 2);
    assert_string_equal(claim.senders[0].name, "Alice");
    assert_string_equal(claim.senders[0].body, "hello");
    assert_int_equal(claim.senders[0].new_count, 3);
    assert_null(claim.senders[1].name);
    assert_int_equal(claim.sender_ids[1], 9);
    assert_string_equal(claim.rows, "{31,32}");
    assert_int_equal(claim.failures, 4);
    assert_true(claim.plain);
}

static void a_claim_of_nothing_is_empty(void **state)
{
    static const enum policy_fate fates[] = {POLICY_TAKE, POLICY_TAKE, POLICY_KEEP};
    static const struct policy_decision decision = {.action = POLICY_EDIT};
    struct store_notify_pending pending;
    struct store_notify_claim claim;

    (void)state;
    read_pending(&pending);
    store_notify_claim(&arena,
                       run(store_notify_claim_start(pg, &arena, &pending, fates, &decision, 2000)),
                       &claim);
    assert_string_equal(fake_pg.params[5], "true");
    assert_int_equal(claim.sender_count, 0);
    assert_string_equal(claim.rows, "{}");
    assert_false(claim.plain);
}

static void what_was_told_of_one_sender_is_theirs_and_of_several_nobodys(void **state)
{
    struct store_notify_pending pending;
    struct store_notify_claim claim;

    (void)state;
    read_pending(&pending);
    read_claim(&claim);
    run(store_notify_told_start(pg, &pending, &claim, 78, 3000));
    assert_string_equal(fake_pg.statement, "notify_told");
    assert_string_equal(fake_pg.params[0], "5");
    assert_string_equal(fake_pg.params[1], "4711");
    assert_string_equal(fake_pg.params[2], "{31,32}");
    assert_true(fake_pg.nulls[3]);
    assert_string_equal(fake_pg.params[4], "78");
    assert_string_equal(fake_pg.params[5], "3000");
    claim.sender_count = 1;
    run(store_notify_told_start(pg, &pending, &claim, 78, 3000));
    assert_string_equal(fake_pg.params[3], "7");
}

static void a_failure_puts_the_windows_back(void **state)
{
    struct store_notify_failure failure = {
        .outcome = STORE_NOTIFY_WAIT, .retry_at = 8000, .bot_retry_at = 9000};
    struct store_notify_pending pending;
    struct store_notify_claim claim;

    (void)state;
    read_pending(&pending);
    read_claim(&claim);
    run(store_notify_failed_start(pg, &arena, &pending, &claim, &failure, 3000));
    assert_string_equal(fake_pg.statement, "notify_failed");
    assert_string_equal(fake_pg.params[2], "{31,32}");
    assert_string_equal(fake_pg.params[3], "wait");
    assert_string_equal(fake_pg.params[4], "8000");
    assert_string_equal(fake_pg.params[5], "9000");
    assert_true(fake_pg.nulls[6]);
    assert_string_equal(fake_pg.params[7],
                        "[{\"sender_id\":7,\"opened_at\":100,\"step\":2,\"edited_at\":99,"
                        "\"message_id\":77,\"read_upto\":55,\"first_id\":56},"
                        "{\"sender_id\":9,\"opened_at\":0,\"step\":0,\"edited_at\":0,"
                        "\"message_id\":0,\"read_upto\":0,\"first_id\":0}]");
    assert_string_equal(fake_pg.params[8], "3000");
}

static void a_message_that_is_gone_is_in_no_window(void **state)
{
    struct store_notify_failure failure = {
        .outcome = STORE_NOTIFY_DEAD, .edit_gone = true, .reason = "why"};
    struct store_notify_pending pending;
    struct store_notify_claim claim;

    (void)state;
    read_pending(&pending);
    read_claim(&claim);
    claim.sender_count = 1;
    run(store_notify_failed_start(pg, &arena, &pending, &claim, &failure, 3000));
    assert_string_equal(fake_pg.params[3], "dead");
    assert_string_equal(fake_pg.params[6], "why");
    assert_string_equal(fake_pg.params[7],
                        "[{\"sender_id\":7,\"opened_at\":100,\"step\":2,\"edited_at\":99,"
                        "\"message_id\":0,\"read_upto\":55,\"first_id\":56}]");
}

static void a_server_that_is_away_is_passed_on(void **state)
{
    (void)state;
    fake_pg.refuses = true;
    unit_stderr_begin();
    assert_int_equal(store_notify_block_start(pg, 4711, 3000), ERR_UNAVAILABLE);
    unit_stderr_end();
}

#define notify_test(test) cmocka_unit_test_setup_teardown(test, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        notify_test(a_look_names_recipients),
        notify_test(the_recipient_comes_with_every_row),
        notify_test(rows_belong_to_their_senders),
        notify_test(a_row_is_read_column_by_column),
        notify_test(whoever_has_nothing_waiting_has_no_rows),
        notify_test(a_wait_is_for_the_rows_that_were_looked_at),
        notify_test(where_a_look_cannot_give_all_rows_all_of_them_wait),
        notify_test(a_claim_names_rows_and_the_windows_it_opens),
        notify_test(a_window_grows_from_the_one_before),
        notify_test(a_claim_tells_what_to_say),
        notify_test(a_claim_of_nothing_is_empty),
        notify_test(what_was_told_of_one_sender_is_theirs_and_of_several_nobodys),
        notify_test(a_failure_puts_the_windows_back),
        notify_test(a_message_that_is_gone_is_in_no_window),
        notify_test(a_server_that_is_away_is_passed_on),
    };

    return cmocka_run_group_tests_name("store_notify", tests, NULL, NULL);
}
