#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "notifier/bot_reply.h"
#include "notifier/outcome.h"

static const int64_t now = INT64_C(1800000000000);

static struct bot_reply reply;

static void begin_answer(struct pace_answer *answer, int status, const char *body)
{
    reply = (struct bot_reply){.sent = true};
    bot_reply_read(&reply, status, body, strlen(body));
    *answer = (struct pace_answer){.verdict = bot_error_classify(&reply), .reply = &reply};
}

/* What each answer means for a new message, and for an edit of message 7. */
static const struct {
    int status;
    const char *description;
    bool plain;
    struct outcome sent;
    struct outcome edited;
} rows[] = {
    {500,
     "Internal Server Error",
     false,
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_AGAIN}},
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_AGAIN}}},
    {401,
     "Unauthorized",
     false,
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_BACK}},
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_BACK}}},
    {403,
     "Forbidden: bot was blocked by the user",
     false,
     {.kind = OUTCOME_BLOCKED},
     {.kind = OUTCOME_BLOCKED}},
    {400,
     "Bad Request: message is too long",
     false,
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_SHORTEN}},
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_SHORTEN}}},
    {400,
     "Bad Request: message is too long",
     true,
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_DEAD}},
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_DEAD}}},
    {400,
     "Bad Request: message to edit not found",
     false,
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_DEAD}},
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_AGAIN, .edit_gone = true}}},
    {400,
     "Bad Request: message is not modified",
     false,
     {.kind = OUTCOME_FAILED, .failure = {.outcome = STORE_NOTIFY_DEAD}},
     {.kind = OUTCOME_TOLD, .message_id = 7}},
};

static void compare(const struct outcome *found, const struct outcome *wanted, int row)
{
    print_message("row %d\n", row);
    assert_int_equal(found->kind, wanted->kind);
    assert_int_equal(found->message_id, wanted->message_id);
    assert_int_equal(found->failure.outcome, wanted->failure.outcome);
    assert_int_equal(found->failure.edit_gone, wanted->failure.edit_gone);
    if (wanted->kind == OUTCOME_FAILED && wanted->failure.outcome == STORE_NOTIFY_DEAD)
        assert_string_equal(found->failure.reason, rows[row].description);
    else
        assert_null(found->failure.reason);
}

static void each_refusal_has_its_outcome(void **state)
{
    (void)state;
    for (int i = 0; i < (int)COUNT(rows); i++) {
        struct pace_answer answer;
        char body[256];

        snprintf(body, sizeof(body), "{\"ok\":false,\"error_code\":%d,\"description\":\"%s\"}",
                 rows[i].status, rows[i].description);
        begin_answer(&answer, rows[i].status, body);
        struct outcome sent = outcome_read(&answer, 0, rows[i].plain, 0, now, 0);
        struct outcome edited = outcome_read(&answer, 7, rows[i].plain, 0, now, 0);
        compare(&sent, &rows[i].sent, i);
        compare(&edited, &rows[i].edited, i);
        bot_reply_release(&reply);
    }
}

static void what_was_sent_is_known_by_its_id_and_an_edit_keeps_it(void **state)
{
    struct pace_answer answer;

    (void)state;
    begin_answer(&answer, 200, "{\"ok\":true,\"result\":{\"message_id\":4503599627370495}}");
    struct outcome outcome = outcome_read(&answer, 0, false, 0, now, 0);
    assert_int_equal(outcome.kind, OUTCOME_TOLD);
    assert_int_equal(outcome.message_id, INT64_C(4503599627370495));
    outcome = outcome_read(&answer, 7, false, 0, now, 0);
    assert_int_equal(outcome.message_id, 7);
    bot_reply_release(&reply);
    begin_answer(&answer, 200, "{\"ok\":true,\"result\":true}");
    outcome = outcome_read(&answer, 0, false, 0, now, 0);
    assert_int_equal(outcome.kind, OUTCOME_TOLD);
    assert_int_equal(outcome.message_id, 0);
    bot_reply_release(&reply);
}

static void a_failure_waits_longer_each_time(void **state)
{
    int64_t last = 0;

    (void)state;
    for (int failures = 0; failures < 6; failures++) {
        struct pace_answer answer;

        begin_answer(&answer, 502, "<html>");
        struct outcome outcome = outcome_read(&answer, 0, false, failures, now, 0);
        assert_int_equal(outcome.failure.outcome, STORE_NOTIFY_AGAIN);
        assert_true(outcome.failure.retry_at - now > last);
        last = outcome.failure.retry_at - now;
        bot_reply_release(&reply);
    }
}

static void a_rest_is_as_long_as_the_pace_says(void **state)
{
    struct pace_answer answer;

    (void)state;
    begin_answer(&answer, 429,
                 "{\"ok\":false,\"error_code\":429,\"description\":\"Too Many Requests\","
                 "\"parameters\":{\"retry_after\":5}}");
    answer.chat_retry_at = now + 5000;
    answer.bot_retry_at = now + 6000;
    struct outcome outcome = outcome_read(&answer, 0, false, 0, now, 0);
    assert_int_equal(outcome.failure.outcome, STORE_NOTIFY_WAIT);
    assert_int_equal(outcome.failure.retry_at, now + 5000);
    assert_int_equal(outcome.failure.bot_retry_at, now + 6000);
    bot_reply_release(&reply);
}

static void no_answer_leaves_it_to_the_claim(void **state)
{
    const struct pace_answer answer = {.verdict = BOT_UNKNOWN, .reply = &reply};

    (void)state;
    assert_int_equal(outcome_read(&answer, 0, false, 0, now, 0).kind, OUTCOME_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_refusal_has_its_outcome),
        cmocka_unit_test(what_was_sent_is_known_by_its_id_and_an_edit_keeps_it),
        cmocka_unit_test(a_failure_waits_longer_each_time),
        cmocka_unit_test(a_rest_is_as_long_as_the_pace_says),
        cmocka_unit_test(no_answer_leaves_it_to_the_claim),
    };

    return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
